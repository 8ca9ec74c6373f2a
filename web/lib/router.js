// Views have addresses that can be shared: #/ORGANIZATION/VIEW/NAME. An address names things, and
// never holds a value or a token.
import { useEffect, useState } from '../vendor/htm-preact.js';

export const link = (...parts) => '#/' + parts.map(encodeURIComponent).join('/');

function decode(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

export const current = () => location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decode);

export const go = (...parts) => { location.hash = link(...parts); };

// The parts of the address. A new address puts the focus on the new heading, so that the keyboard
// and a screen reader begin there.
export function useAddress() {
  const [parts, setParts] = useState(current);
  useEffect(() => {
    const changed = () => {
      setParts(current());
      requestAnimationFrame(() => document.querySelector('main h1')?.focus({ preventScroll: true }));
      scrollTo(0, 0);
    };
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return parts;
}
