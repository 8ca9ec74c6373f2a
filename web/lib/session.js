// The token of the session is only in this variable, not in a storage, an address or an element of
// the page. A reload therefore asks for the token again, and closing the tab ends the session.
//
// When the server no longer accepts the token, requests wait: the page asks for another token, and
// the requests are then sent again. So a form that is being filled in survives.

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

// An answer that is not a success, or no answer at all (status 0).
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
  get hint() {
    const hints = {
      0: 'The page keeps trying. Check the network, or ask the operator of the control plane.',
      403: 'Ask an admin of the organization for that role.',
      413: 'Write fewer keys at once, or shorter values.',
      429: 'Wait a moment, then try again.',
      503: 'The control plane or its database is busy. Try again in a moment.',
      507: 'The disk of the control plane is full.',
    };
    return hints[this.status] ?? '';
  }
}

// One request with a token that is being tried, before it becomes the session's.
export async function ask(bearer, method, path, { body, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method, signal, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
      headers: { Authorization: `Bearer ${bearer}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The control plane does not answer.');
  }
  const text = await response.text().catch(() => '');
  let answer = null;
  try { answer = JSON.parse(text); } catch { /* an answer of something between: only its status counts */ }
  if (response.ok) return answer;
  const message = answer?.error ?? `The control plane answers ${response.status}.`;
  throw new ApiError(response.status, message);
}

export async function request(method, path, options = {}) {
  const asked = generation;
  for (;;) {
    try {
      const answer = await ask(token, method, path, options);
      if (asked !== generation) throw new ApiError(401, 'You have signed out.');
      return answer;
    } catch (error) {
      if (error.status !== 401 || asked !== generation || token === null) throw error;
      await renew();
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
