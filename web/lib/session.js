// The token of the session is only in this variable, not in a storage, an address or an element of
// the page. A reload therefore asks for the token again, and closing the tab ends the session.
//
// When the server no longer accepts the token, requests wait: the page asks for another token, and
// the requests are then sent again. So a form that is being filled in keeps its text.

let token = null;
let renewal = null; // {promise, resolve, reject} while the page asks for another token
let generation = 0; // counts sign-outs: an answer for an earlier session is dropped
const listeners = new Set();

export const session = {
  get isSignedIn() { return token !== null; },
  get isExpired() { return renewal !== null; },
  get generation() { return generation; },
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  signIn(text) {
    token = text;
    const waiting = renewal;
    renewal = null;
    waiting?.resolve();
    tell();
  },
  signOut() {
    token = null;
    generation += 1;
    const waiting = renewal;
    renewal = null;
    waiting?.reject(new ApiError(401, 'You have signed out.'));
    tell();
  },
};

function tell() {
  for (const listener of listeners) listener();
}

// An answer that is not a success, or no complete answer (status 0). `isWrite`: the request changes something.
export class ApiError extends Error {
  constructor(status, message, isWrite = false) {
    super(message);
    this.status = status;
    this.isWrite = isWrite;
  }
  get hint() {
    if (this.isWrite && [0, 502, 504].includes(this.status)) {
      return 'It is not known whether this was written: look before you repeat it.';
    }
    const hints = {
      0: 'The page keeps trying. Check the network, or ask the operator of the control plane.',
      400: 'Correct what the message names, then send it again.',
      403: 'Ask an admin of the organization for that role.',
      404: 'It may have been deleted, or you may have no access to it.',
      409: 'Look at its present state, then decide again.',
      413: 'Write fewer keys at once, or shorter values.',
      429: 'Wait a moment, then try again.',
      500: 'This is an error of the control plane. Its log has the cause.',
      502: 'A proxy between this page and the control plane has answered. Try again in a moment.',
      504: 'A proxy between this page and the control plane has answered. Try again in a moment.',
      503: 'The control plane or its database is busy. Try again in a moment.',
      507: 'The disk of the control plane is full.',
    };
    return hints[this.status] ?? '';
  }
}

// A long poll takes at most 25 seconds. A read that takes longer than READ_MS is ended: its connection is lost.
const READ_MS = 40000;

// Null: no complete JSON text. Then the answer broke off, or a proxy sent it: each success of the REST API is JSON.
async function answerOf(response) {
  const text = await response.text().catch(() => null);
  try { return JSON.parse(text); } catch { return null; }
}

// One request with a token that is being tried, before it becomes the session's.
export async function ask(bearer, method, path, { body, signal: ending } = {}) {
  const isWrite = method !== 'GET';
  // A write has no signal: the browser could keep the answer, and so a new token, as long as the signal.
  const stopping = isWrite ? null : new AbortController();
  const stop = () => stopping?.abort();
  const timer = setTimeout(stop, READ_MS);
  ending?.addEventListener('abort', stop);
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method, signal: stopping?.signal, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
      headers: { Authorization: `Bearer ${bearer}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    });
    answer = await answerOf(response);
  } catch (error) {
    if (ending?.aborted) throw error;
    throw new ApiError(0, 'The control plane does not answer.', isWrite);
  } finally {
    clearTimeout(timer);
    ending?.removeEventListener('abort', stop);
  }
  if (response.ok && answer) return answer;
  if (response.ok) throw new ApiError(0, 'The answer of the control plane is not complete.', isWrite);
  throw new ApiError(response.status, answer?.error ?? `The control plane answers ${response.status}.`, isWrite);
}

export async function request(method, path, options = {}) {
  const asked = generation;
  for (;;) {
    const used = token;
    try {
      const answer = await ask(used, method, path, options);
      if (asked !== generation) throw new ApiError(401, 'You have signed out.');
      return answer;
    } catch (error) {
      if (error.status !== 401 || asked !== generation || token === null) throw error;
      // A late 401 for an earlier token does not concern the present token.
      if (used === token) await renew();
    }
  }
}

function renew() {
  if (renewal === null) {
    renewal = {};
    renewal.promise = new Promise((resolve, reject) => Object.assign(renewal, { resolve, reject }));
    tell();
  }
  return renewal.promise;
}

const encode = encodeURIComponent;
// A path of the organization, of encoded parts: org('acme', 'secrets', name).
export const path = (organization, ...parts) =>
  ['/v1/organizations', organization, ...parts].map((part, i) => (i ? encode(part) : part)).join('/');
