// Credentials of one agent. The secret half stays where the key was made: this page gets only the public half.
import { useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { path, request } from '../lib/session.js';
import { quoted } from '../lib/format.js';
import { Ask, Button, Command, Failure, Field, Loaded, Notice, SECRET_INPUT, Table, Time, html, useAction,
    useMe } from '../lib/ui.js';
import { State } from './access.js';

function Register({ agent, done }) {
  const { organization } = useMe();
  const [half, setHalf] = useState('');
  const [label, setLabel] = useState('');
  const action = useAction(async () => {
    let body;
    try { body = JSON.parse(half); } catch { throw new Error('Paste the whole JSON that keygen prints.'); }
    const answer = await request('POST', path(organization, 'services', agent, 'credentials'), { body:
        { kid: body.kid, signing_key: body.signing_key, box_key: body.box_key, ...(label ? { label } : {}) } });
    setHalf('');
    await done();
    return answer;
  });
  return html`<details class="card"><summary>Register a credential</summary>
      <div class="stack">
      <p>Make a key where it is to be used. Its secret half stays there; the command prints the public half:</p>
      <${Command}>secret-injector keygen bot.seed</${Command}>
    <form class="stack" onSubmit=${(event) => { event.preventDefault(); action.run(); }}>
        <${Field} label="Public half" hint='JSON with kid, signing_key and box_key'>
        ${(about) => html`<textarea class="mono" rows="3" required value=${half} onInput=${(event) =>
        setHalf(event.target.value)} ...${SECRET_INPUT} ...${about}></textarea>`}</${Field}>
    <${Field} label="Label" hint="For people, such as the host's name">
        ${(about) => html`<input value=${label} maxlength="128" onInput=${(event) => setLabel(event.target.value)}
        ...${about} />`}</${Field}>
    <${Failure} error=${action.error} />
        ${action.done && html`<${Notice} kind="done">
        Registered as ${action.done.kid}. The host of the control plane can also make a whole credential at once.
        </${Notice}>`}
    <div class="buttons"><${Button} type="submit" need="admin" kind="primary" busy=${action.busy}>Register</${Button}>
        </div></form>
    <${Command} label="On the host">secret-control-plane credential issue ${quoted(agent)}</${Command}></div>
        </details>`;
}

export function Credentials({ agent }) {
  const { organization } = useMe();
  const all = useData(path(organization, 'credentials'));
  const revoke = (kid) => async () => { await request('DELETE', path(organization, 'credentials',
      kid)); await all.reload(); };
  const columns = [
    { title: 'Key id', cell: (row) => html`<code class="main-cell">${row.kid}</code>` },
    { title: 'Label', cell: (row) => row.label || html`<span class="quiet">–</span>` },
    { title: 'For', cell: (row) => row.purpose },
    { title: 'Made', cell: (row) => html`<${Time} at=${row.createdAt} relative /> <span class="quiet">by ${row.madeBy}
        </span>` },
    { title: 'Last used', cell: (row) => (row.lastUsedAt === undefined ? html`<span class="quiet">not known</span>` :
        html`<${Time} at=${row.lastUsedAt} relative />`) },
    { title: 'Ends', cell: (row) => (row.expiresAt ? html`<${Time} at=${row.expiresAt} />` : html`<span class="quiet">
        never</span>`) },
    { title: 'State', cell: (row) => html`<${State} row=${row} />${!row.confirmed && html` <span class="wrong">
        its region has not confirmed it yet</span>`}` },
    { title: '', kind: 'actions', cell: (row) => !row.revokedAt && html`<${Ask} need="admin" label="Revoke"
        about=${row.kid} title=${`Revoke ${row.kid}?`} verb="Revoke" work=${revoke(row.kid)}><p>
        Instances with it run on, and can neither start again nor learn of new versions.</p></${Ask}>` },
  ];
  return html`<div class="stack">
      <${Loaded} of=${all}>${(data) => html`<${Table} label="Credentials" columns=${columns}
      rows=${data.credentials.filter((row) => row.agent === agent)} keyOf=${(row) => row.kid} text=${(row) =>
      `${row.kid} ${row.label} ${row.madeBy}`}
    empty=${html`<p class="quiet">No credential yet: no instance can start.</p>`} />`}</${Loaded}>
        <${Register} agent=${agent} done=${all.reload} /></div>`;
}
