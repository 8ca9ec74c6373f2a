// Writing keys: one, or a pasted .env. A value is read from its field when it is sent, is sent once,
// and is then gone from the page: it is never shown, and never kept in the state of a view.
import { useRef, useState } from '../vendor/htm-preact.js';
import { parseEnvFile } from '../lib/env_file.js';
import { bytes, plural, quoted, sizeOf } from '../lib/format.js';
import { path, request } from '../lib/session.js';
import { Badge, Button, Command, Failure, Field, Notice, SECRET_INPUT, html, useAction, useMe } from '../lib/ui.js';

const MOST = 1024 * 1024;
const TOO_LONG = 'The text is longer than 1 MiB: no key was taken from it.';
const KEY = /^[A-Za-z0-9_-]{1,64}$/;

// Writes the pairs in one request, so that they become one version.
async function write(organization, name, region, pairs) {
  const secrets = pairs.map(({ key, value }) => ({ secretKey: key, secretValue: value }));
  return request('PUT', path(organization, 'secrets', name), { body: { secrets, ...(region ? { region } : {}) } });
}

function useWrite({ name, region, written }) {
  const { organization } = useMe();
  return useAction(async (pairs, clear) => {
    const answer = await write(organization, name, region, pairs);
    clear();
    written?.(name);
    return { keys: pairs.map((pair) => pair.key), warning: answer.warning };
  });
}

const Outcome = ({ action }) => html`<${Failure} error=${action.error} />
    ${action.done && html`<${Notice} kind="done"><p>
    ${plural(action.done.keys.length, 'key')} sent: ${action.done.keys.join(', ')}.
  The new version is ready in about a second.</p>${action.done.warning && html`<p>${action.done.warning}</p>`}
      </${Notice}>`}`;

function OneKey({ keys, action, name, region }) {
  const [key, setKey] = useState('');
  const [wrong, setWrong] = useState('');
  const value = useRef(null);
  const submit = (event) => {
    event.preventDefault();
    if (!KEY.test(key)) return setWrong('Letters, digits, _ and -, at most 64.');
    if (!value.current.value) return setWrong('Write a value.');
    setWrong('');
    return action.run([{ key, value: value.current.value }], () => {
      value.current.value = '';
      setKey('');
    });
  };
  return html`<form class="stack" onSubmit=${submit} autocomplete="off"><div class="row">
      <${Field} label="Key" error=${wrong}>
      ${(about) => html`<input class="mono" value=${key} list="known-keys" ...${SECRET_INPUT}
      onInput=${(event) => setKey(event.target.value.trim())} ...${about} />`}</${Field}>
    <${Field} label="Value" hint="Hidden while you type. It can be replaced later, and never read back.">
        ${(about) => html`<textarea ref=${value} class="mono secret" rows="1" ...${SECRET_INPUT} ...${about}>
        </textarea>`}</${Field}></div>
    <datalist id="known-keys">${keys.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>
    ${keys.includes(key) && html`<p class="quiet">This replaces the value of ${key}.</p>`}
    <div class="buttons"><${Button} type="submit" need="member" kind="primary" busy=${action.busy}>
        ${action.busy ? 'Writing…' : 'Write the key'}</${Button}></div>
    <${Command} template>pipecat cloud secrets set ${quoted(name)} ${key || 'KEY'}=…${region ?
        ` --region ${quoted(region)}` : ''}</${Command}></form>`;
}

// The preview has names and sizes. The text stays in its field alone until it is sent.
function ManyKeys({ keys, action, name }) {
  const text = useRef(null);
  const [preview, setPreview] = useState(null);
  const [wrong, setWrong] = useState('');
  const refuse = (why) => {
    text.current.value = '';
    setPreview(null);
    setWrong(why);
  };
  const look = () => {
    if (sizeOf(text.current.value) > MOST) return refuse(TOO_LONG);
    setWrong('');
    const { pairs, problems } = parseEnvFile(text.current.value);
    setPreview({ rows: pairs.map(({ key, value }) => ({ key, size: sizeOf(value) })), problems });
    return undefined;
  };
  const submit = (event) => {
    event.preventDefault();
    const { pairs } = parseEnvFile(text.current.value);
    if (pairs.length) action.run(pairs, () => { text.current.value = ''; setPreview(null); });
  };
  const read = async (event) => {
    const [file] = event.target.files;
    event.target.value = '';
    if (!file) return;
    if (file.size > MOST) { refuse(TOO_LONG); return; }
    try {
      text.current.value = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
      look();
    } catch { refuse('The file cannot be read, or is not UTF-8: no key was taken from it.'); }
  };
  const count = preview?.rows.length ?? 0;
  return html`<form class="stack" onSubmit=${submit} autocomplete="off">
      <${Field} label="Text of a .env file" error=${wrong}
      hint="Read in this page, as the injector reads it with --env-file. Hidden while you paste.">
      ${(about) => html`<textarea
      ref=${text} class="mono secret tall" rows="6" onInput=${look} ...${SECRET_INPUT} ...${about}></textarea>`}
          </${Field}>
    <label class="file">or choose a file <input type="file" onChange=${read} /></label>
    ${preview && html`<div class="preview" role="status">${count ? html`<p>${plural(count, 'key')} will be written:
        </p><ul class="keys">${preview.rows.map((row) => html`<li key=${row.key}><code>${row.key}</code> <span
        class="quiet">${bytes(row.size)}</span> <${Badge} kind=${keys.includes(row.key) ? 'stale' : 'current'}>
            ${keys.includes(row.key) ? 'replaces' : 'new'}</${Badge}></li>`)}</ul>` : html`<p class="quiet">
            No key in it yet.</p>`}
      ${preview.problems.length > 0 && html`<${Notice} kind="warning">
          Left out: ${preview.problems.slice(0, 8).map((each) => `line ${each.line} (${each.text})`).join(', ')}
          ${preview.problems.length > 8 ? ', …' : ''}</${Notice}>`}</div>`}
    <div class="buttons"><${Button} type="submit" need="member" kind="primary" busy=${action.busy} disabled=${!count}>
        ${action.busy ? 'Writing…' : count ? `Write ${plural(count, 'key')}` : 'Write'}</${Button}></div>
    <p class="quiet">The command <code>pipecat cloud secrets set --file</code> reads a file by other rules: single quotes, comments
        after a value and <code>export</code> become part of what it writes.</p></form>`;
}

export function WriteKeys({ name, keys, region, written }) {
  const [many, setMany] = useState(false);
  const action = useWrite({ name, region, written });
  const choose = (to) => () => { action.clear(); setMany(to); };
  const Form = many ? ManyKeys : OneKey;
  return html`<div class="stack"><div class="switch" role="group" aria-label="What to write">
      <button type="button" aria-pressed=${String(!many)} onClick=${choose(false)}>One key</button><button
    type="button" aria-pressed=${String(many)} onClick=${choose(true)}>Paste a .env</button></div>
        <${Form} keys=${keys} action=${action} name=${name} region=${region} /><${Outcome} action=${action} /></div>`;
}
