// What is on the server, as hooks. useLive() is the one long poll of the page: the fleet in numbers,
// with a tag that changes whenever a set, a deployment or an instance changes. useData() reads a
// path again at each new tag, so every view is live with that one request.
import { useCallback, useEffect, useRef, useState } from '../vendor/htm-preact.js';
import { path, request } from './session.js';

const PAUSE_MS = 1500; // at least, between two answers
const RETRY_MS = 5000;

const sleep = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); });
});

function visible(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', resolve, { once: true, signal });
    signal.addEventListener('abort', resolve);
  });
}

async function follow(organization, signal, show) {
  let tag = '';
  while (!signal.aborted) {
    await visible(signal);
    const after = tag ? `?after=${encodeURIComponent(tag)}` : '';
    try {
      const fleet = await request('GET', path(organization, 'fleet') + after, { signal });
      if (signal.aborted) return;
      tag = fleet.tag;
      show({ fleet, error: null });
      await sleep(PAUSE_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      show({ error });
      await sleep(RETRY_MS, signal);
    }
  }
}

// {fleet, error}: the last answer stays while the control plane does not answer.
export function useLive(organization) {
  const [state, setState] = useState({ fleet: null, error: null });
  useEffect(() => {
    if (!organization) return undefined;
    const ending = new AbortController();
    setState({ fleet: null, error: null });
    follow(organization, ending.signal, (news) => setState((old) => ({ ...old, ...news })));
    return () => ending.abort();
  }, [organization]);
  return state;
}

// {data, error, isLoading, reload} of one path; null: nothing is read. `tag`: read again when it changes.
export function useData(wanted, tag) {
  const [state, setState] = useState({ data: null, error: null, isLoading: true, of: null });
  const newest = useRef(0);
  const reload = useCallback(async () => {
    if (!wanted) return;
    const turn = newest.current += 1;
    try {
      const data = await request('GET', wanted);
      if (turn === newest.current) setState({ data, error: null, isLoading: false, of: wanted });
    } catch (error) {
      if (turn === newest.current) {
        setState((old) => ({ data: old.of === wanted ? old.data : null, error, isLoading: false, of: wanted }));
      }
    }
  }, [wanted]);
  useEffect(() => {
    reload();
    return () => { newest.current += 1; };
  }, [reload, tag]);
  const isOther = state.of !== wanted;
  return { ...state, data: isOther ? null : state.data, isLoading: isOther || state.isLoading, reload };
}
