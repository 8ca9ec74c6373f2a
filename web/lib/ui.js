// The small parts that all views are made of. A component has one element as its root, because the
// renderer can misplace a root of several elements that come and go. Text always becomes a text
// node: no code here or in the views makes markup from a string.
import { createContext, html as build, useContext, useEffect, useRef, useState } from '../vendor/htm-preact.js';
import { age, local, moment, number, plural, quoted, second, utc } from './format.js';

// Marks that turn the direction of writing: a name with one could turn the sentence around it. Every view makes its
// text with html(), which shows such a mark as its code. Properties keep it: requests need names as they are.
const MARK = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const ALL_MARKS = new RegExp(MARK, 'g');
const hasMark = (value) => (typeof value === 'string' ? MARK.test(value) : Array.isArray(value) && value.some(hasMark));

function unturned(node) {
  if (typeof node === 'string') {
    return node.replace(ALL_MARKS, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
  }
  if (Array.isArray(node)) return node.map(unturned);
  if (node?.props?.children !== undefined) node.props.children = unturned(node.props.children);
  return node;
}

export const html = (parts, ...values) => {
  const tree = build(parts, ...values);
  return values.some(hasMark) ? unturned(tree) : tree;
};

const ROLES = ['viewer', 'member', 'admin'];
// {organization, role, live}: the organization, the visitor's role, and the live data.
export const Me = createContext({ organization: '', role: 'viewer', live: {} });
export const useMe = () => useContext(Me);
export const mayAct = (role, need) => ROLES.indexOf(role) >= ROLES.indexOf(need);

export const classes = (...names) => names.filter(Boolean).join(' ');

// Names may be long and in any script. <bdi> keeps the writing direction of a name from changing the text around it.
export const Name = ({ children }) => html`<bdi class="name">${children}</bdi>`;

export const Time = ({ at, relative, seconds }) => (at
  ? html`<time datetime=${at} title=${`${local(at)} · ${utc(at)}`}>${relative ? age(at) : seconds ? second(at) : moment(at)}</time>`
  : html`<span class="quiet">never</span>`);

export const Badge = ({ kind, children }) => html`<span class=${`badge ${kind ?? ''}`}>${children}</span>`;

// A button for an action. If the visitor lacks the role, the button is disabled and shows the
// required role. `about` names the object of the action for screen readers.
export function Button({ need, kind, busy, disabled, onClick, about, type = 'button', children, ...more }) {
  const { role } = useMe();
  const missing = need && !mayAct(role, need) ? `Needs the role ${need}; yours is ${role}.` : '';
  const off = missing || disabled || busy;
  const act = (event) => {
    if (off) event.preventDefault();
    else onClick?.(event);
  };
  return html`<button type=${type} class=${classes('button', kind, busy && 'busy')} aria-disabled=${off ? 'true' :
      null}
    title=${missing || null} onClick=${act} ...${more}>${children}
        ${about && html`<span class="unseen"> ${about}</span>`}
        ${missing && html`<span class="needs">needs ${need}</span>`}</button>`;
}

let lastId = 0;
export function useId(prefix) {
  const id = useRef(null);
  id.current ??= `${prefix}-${lastId += 1}`;
  return id.current;
}

export function Field({ label, hint, error, children }) {
  const id = useId('field');
  const about = hint || error ? `${id}-about` : null;
  return html`<div class=${classes('field', error && 'wrong')}><label for=${id}>${label}</label>
      ${children({ id, 'aria-describedby': about,
    'aria-invalid': error ? 'true' : null })}${about && html`<p class="hint" id=${about}>${error || hint}</p>`}
        </div>`;
}

// Keeps password managers, spelling services and autocomplete away from a value.
export const SECRET_INPUT = {
  autocomplete: 'off', autocapitalize: 'off', autocorrect: 'off', spellcheck: false, translate: 'no',
  'data-1p-ignore': '', 'data-bwignore': '', 'data-lpignore': 'true', 'data-form-type': 'other',
};

export const Notice = ({ kind = 'info', children }) => html`<div class=${`notice ${kind}`} role=${kind === 'error' ?
    'alert' : 'status'}>${children}</div>`;

export const Failure = ({ error, retry }) => error && html`<${Notice} kind="error"><p>
    <strong>${error.message}</strong></p>${
  error.hint && html`<p>${error.hint}</p>`}${retry && html`<p><${Button} onClick=${retry}>Try again</${Button}></p>`}
      </${Notice}>`;

// Commands with the option --organization: the page adds the organization that it shows.
const OF_ORGANIZATION = /^(pipecat cloud|secret-control-plane (audit tail|credential|fleet|member|set|token)) /;

// Copies a text. For three seconds after it, `said` is `copied` or the failure; at other times it is ''.
export function useCopy() {
  const [said, setSaid] = useState('');
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('copied');
    } catch { setSaid('not copied: select the text'); }
    setTimeout(() => setSaid(''), 3000);
  };
  return [said, copy];
}

// The command for the same action in a terminal. `template`: the visitor must replace a word, so there is no button.
export function Command({ children, label = 'In a terminal', template = false }) {
  const { organization } = useMe();
  const words = [].concat(children).join('').trim();
  const text = organization && OF_ORGANIZATION.test(words) ? `${words} --organization ${quoted(organization)}` : words;
  const [said, copy] = useCopy();
  return html`<div class="command"><span class="command-label">${label}</span>
      <code tabindex="0" role="region" aria-label="Command">${text}</code>${
    navigator.clipboard && !template && html`<button type="button" class="copy" onClick=${() => copy(text)}>${said || 'copy'}
        <span class="unseen"> ${text}</span></button>`}</div>`;
}

export const Empty = ({ title, children }) => html`<div class="empty"><h2>${title}</h2>${children}</div>`;

export const Loading = () => html`<p class="loading" role="status">Loading…</p>`;

// One of the three states of useData(), or its content.
export function Loaded({ of, children }) {
  if (of.data) return html`<div class="stack"><${Failure} error=${of.error} retry=${of.reload} />${children(of.data)}
      </div>`;
  return of.error ? html`<${Failure} error=${of.error} retry=${of.reload} />` : html`<${Loading} />`;
}

export const Title = ({ children, aside, parent }) => html`<header class="title">
    ${parent && html`<nav class="trail" aria-label="Breadcrumb">${parent}</nav>`}<h1 tabindex="-1">${children}</h1>${
  aside && html`<div class="aside">${aside}</div>`}</header>`;

const PAGE = 100;
// A table that stays quick with thousands of rows: it has a filter, and shows a hundred more at a time.
// `columns`: [{title, kind?, cell: (row) => …}]; `text`: what the filter looks at; `key`: a row's identity.
export function Table({ label, columns, rows, text, keyOf, filterFrom = 12, empty, nothing = 'Nothing matches.' }) {
  const [wanted, setWanted] = useState('');
  const [shown, setShown] = useState(PAGE);
  const needle = wanted.trim().toLowerCase();
  const found = needle ? rows.filter((row) => text(row).toLowerCase().includes(needle)) : rows;
  if (!rows.length) return empty ?? html`<p class="quiet">None.</p>`;
  return html`<div class="stack">
      ${rows.length >= filterFrom && html`<div class="filter">
      <input type="search" aria-label=${`Filter: ${label}`} placeholder="Filter" value=${wanted}
      onInput=${(event) => { setWanted(event.target.value); setShown(PAGE); }} /><span class="quiet" role="status">
          ${needle ? `${number(found.length)} of ` : ''}${number(rows.length)}</span></div>`}
    <div class="scroll" tabindex="0" role="region" aria-label=${label}><table>
        <thead><tr>${columns.map((column) => html`<th key=${column.title} scope="col" class=${column.kind}>
        ${column.title}</th>`)}</tr></thead>
    <tbody>${found.slice(0, shown).map((row) => html`<tr key=${keyOf(row)}>
        ${columns.map((column) => html`<td key=${column.title} class=${column.kind} data-label=${column.title}>
        ${column.cell(row)}</td>`)}</tr>`)}</tbody></table></div>
    ${needle && !found.length && html`<p class="quiet">${nothing}</p>`}
    ${found.length > shown && html`<p><${Button} onClick=${() => setShown(shown + PAGE)}>
        Show ${plural(Math.min(PAGE, found.length - shown), 'more', 'more')} of ${number(found.length)}</${Button}>
        </p>`}</div>`;
}

// A dialog of the browser: it keeps the focus inside, Escape closes it, and the focus goes back. Without `close`,
// or if it is `firm`, Escape does nothing: a page cannot prevent that a second Escape closes the dialog, so the dialog
// is opened again.
export function Dialog({ title, close, firm, children }) {
  const dialog = useRef(null);
  const id = useId('dialog');
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    // Only after the dialog is gone can an element outside it have the focus. The element that had the focus may be gone
    // too, if the action has deleted its row.
    return () => setTimeout(() => {
      if (document.activeElement !== document.body) return;
      (before?.isConnected ? before : document.querySelector('main h1'))?.focus();
    });
  }, []);
  const cancel = (event) => { event.preventDefault(); if (!firm) close?.(); };
  const closed = () => (close && !firm ? close() : dialog.current?.showModal());
  return html`<dialog ref=${dialog} aria-labelledby=${id} onCancel=${cancel} onClose=${closed}><h2 id=${id}>${title}</h2>${children}
      </dialog>`;
}

// {run, busy, error, done}: an action that takes time. A second run() during the first one has no effect.
export function useAction(work) {
  const [state, setState] = useState({ busy: false, error: null, done: null });
  const run = async (...given) => {
    if (state.busy) return undefined;
    setState({ busy: true, error: null, done: null });
    try {
      const done = await work(...given);
      setState({ busy: false, error: null, done: done ?? true });
      return done ?? true;
    } catch (error) {
      setState({ busy: false, error, done: null });
      return undefined;
    }
  };
  return { ...state, run, clear: () => setState({ busy: false, error: null, done: null }) };
}

// Asks before an action that cannot be undone. `children` names the consequences.
export function Confirm({ title, verb, children, work, close, command, disabled }) {
  const action = useAction(async () => { await work(); close(true); });
  return html`<${Dialog} title=${title} close=${() => close(false)}>${children}<${Failure} error=${action.error} />
    ${command && html`<${Command}>${command}</${Command}>`}
    <div class="buttons"><${Button} onClick=${() => close(false)}>Cancel</${Button}>
        <${Button} kind="danger" busy=${action.busy} disabled=${disabled} onClick=${action.run}>${verb}</${Button}></div></${Dialog}>`;
}

// A button that asks before it acts.
export function Ask({ need, label, kind = 'quiet-danger', about, ...question }) {
  const [open, setOpen] = useState(false);
  return html`<span><${Button} need=${need} kind=${kind} about=${about} onClick=${() => setOpen(true)}>${label}
      </${Button}>${
    open && html`<${Confirm} ...${question} close=${() => setOpen(false)} />`}</span>`;
}
