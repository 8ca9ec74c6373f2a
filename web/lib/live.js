// What is on the server, as hooks. useLive() is the one long poll of the page: the fleet in numbers,
// with a tag that changes whenever a set, a deployment or an instance changes. useData() reads a
// path again at each new tag, so one long poll keeps every view up to date.
import { useCallback, useEffect, useRef, useState } from '../vendor/htm-preact.js';
import { path, request } from './session.js';

const PAUSE_MS = 1500; // at least, between two answers
const RETRY_MS = 5000;

// Resolves at the first of the event and the end. Leaves no listener behind: `signal` lives as long as the page.
function until(signal, start) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    let stop = () => {};
    const end = () => {
      signal.removeEventListener('abort', end);
      stop();
      resolve();
    };
    signal.addEventListener('abort', end);
    stop = start(end);
    return undefined;
  });
}

const sleep = (ms, signal) => until(signal, (end) => {
  const timer = setTimeout(end, ms);
  return () => clearTimeout(timer);
});

const visible = (signal) => until(signal, (end) => {
  document.addEventListener('visibilitychange', end);
  return () => document.removeEventListener('visibilitychange', end);
});

async function follow(organization, signal, show) {
  let tag = '';
  while (!signal.aborted) {
    if (document.hidden) {
      await visible(signal);
      tag = ''; // what is shown may be old: the next answer comes at once
    }
    const after = tag ? `?after=${encodeURIComponent(tag)}` : '';
    try {
      const fleet = await request('GET', path(organization, 'fleet') + after, { signal });
      if (signal.aborted) return;
      tag = fleet.tag;
      show((old) => ({ fleet, error: null, answers: old.answers + 1 }));
      await sleep(PAUSE_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      show((old) => ({ ...old, error }));
      await sleep(RETRY_MS, signal);
    }
  }
}

// {fleet, error, answers}: the last answer stays while the control plane does not answer. `answers` counts the answers,
// which come at least every 25 seconds. Data that depends on the time can change without the tag: read it again when
// `answers` has changed.
export function useLive(organization) {
  const [state, setState] = useState({ fleet: null, error: null, answers: 0 });
  useEffect(() => {
    if (!organization) return undefined;
    const ending = new AbortController();
    setState({ fleet: null, error: null, answers: 0 });
    follow(organization, ending.signal, setState);
    return () => ending.abort();
  }, [organization]);
  return state;
}

// {data, error, isLoading, at, reload} of one path, read at the time `at`, and read again when `tag` changes. Without a
// path, nothing is read.
export function useData(wanted, tag) {
  const [state, setState] = useState({ data: null, error: null, isLoading: true, of: null });
  const newest = useRef(0);
  const reload = useCallback(async () => {
    if (!wanted) return;
    const turn = newest.current += 1;
    try {
      const data = await request('GET', wanted);
      if (turn === newest.current) {
        setState({ data, error: null, isLoading: false, of: wanted, at: new Date().toISOString() });
      }
    } catch (error) {
      if (turn === newest.current) {
        setState((old) => ({ ...old, data: old.of === wanted ? old.data : null, error, isLoading: false, of: wanted }));
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
