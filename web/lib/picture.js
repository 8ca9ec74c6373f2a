// The pictures of instances: by state, by version, and over the last hours. Each picture also has
// its numbers as text, for screen readers.
import { html } from './ui.js';
import { number, plural } from './format.js';

// In this order in every bar. `silent` instances no longer count.
export const STATES = {
  current: 'run the newest deployed values',
  stale: 'run older values than the newest version of a set',
  superseded: 'run an older deployment',
  unknown: 'run a release that is not known',
  revoked: 'have a revoked credential',
  unbound: 'belong to a deleted agent',
  silent: 'have not been heard of for two and a half minutes',
};

export const countsOf = (agent) => ({ ...agent.states, silent: agent.silentCount });

// Whether the region of an agent can be read now. If not, the agent has no numbers: none is not zero.
export const isKnown = (agent) => agent.instanceCount !== null;
export const NotKnown = ({ region }) => html`<span class="quiet">not known: ${region} cannot be read now</span>`;

const words = (counts) => Object.keys(STATES).filter((state) => counts[state]).map((state) =>
    `${number(counts[state])} ${state}`).join(', ');

export function StateBar({ counts }) {
  const text = words(counts) || 'no instances';
  return html`<div class="bar" role="img" aria-label=${text}>
      ${Object.keys(STATES).filter((state) => counts[state]).map((state) => html`<span
    key=${state} class=${`segment ${state}`} title=${`${plural(counts[state], 'instance')} ${STATES[state]}`}
        style=${{ flexGrow: counts[state] }}></span>`)}</div>`;
}

export const StateWords = ({ counts }) => html`<ul class="legend">
    ${Object.keys(STATES).filter((state) => counts[state]).map((state) => html`<li key=${state}
  title=${STATES[state]}><span class=${`dot ${state}`}></span>${number(counts[state])} ${state}</li>`)}</ul>`;

const WIDTH = 168;
const HEIGHT = 34;
// One column for each point in time: at its bottom the instances with the newest release, above them the others.
export function History({ history, step, tall }) {
  const { current, older } = history;
  const most = Math.max(1, ...current.map((n, i) => n + older[i]));
  const wide = WIDTH / current.length;
  const hours = Math.round((step * current.length) / 3600);
  const last = current.length - 1;
  const text = `The last ${hours} hours: from ${number(current[0])} current and ${number(older[0])} older to ${number(current[last])} current and ${number(older[last])} older`;
  const column = (n, from, i, kind) => n > 0 && html`<rect key=${kind + i} class=${kind} x=${i * wide}
      width=${wide - 1.5}
    y=${HEIGHT - ((from + n) / most) * HEIGHT} height=${(n / most) * HEIGHT} />`;
  return html`<figure class=${tall ? 'history tall' : 'history'}>
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${text}>
    <line x1="0" x2=${WIDTH} y1=${HEIGHT - 0.25} y2=${HEIGHT - 0.25} class="ground" />
        ${current.map((n, i) => [column(n, 0, i, 'current'), column(older[i], n, i, 'behind')])}</svg>
    <figcaption><span>${hours} h ago</span>
        ${tall && html`<span><span
        class="dot current"></span>current<span class="legend-word"><span class="dot stale"></span>behind</span></span>`}
        <span>now</span></figcaption></figure>`;
}

const SQUARES = 120;
// One square for each instance; in a large fleet, one square for several instances.
export function Squares({ count, kind, share }) {
  const shown = Math.min(SQUARES, Math.ceil(count / share));
  return html`<div class="squares" role="img" aria-label=${plural(count, 'instance')}>
      ${Array.from({ length: shown }, (_, i) => html`<i key=${i} class=${kind}></i>`)}</div>`;
}
export const shareOf = (most) => Math.max(1, Math.ceil(most / SQUARES));
