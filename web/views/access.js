// Access to the REST API: members, tokens and API keys. A new secret is shown once.
import { useLayoutEffect, useRef, useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { path, request } from '../lib/session.js';
import { quoted } from '../lib/format.js';
import { Ask, Badge, Button, Command, Dialog, Failure, Field, Loaded, Name, Table, Time, Title, html, mayAct,
    useAction, useMe } from '../lib/ui.js';

const DAY = 86400;
const LIVES = [['', 'never'], [String(DAY), 'in a day'], [String(30 * DAY), 'in 30 days'], [String(90 * DAY),
    'in 90 days'], [String(365 * DAY), 'in a year']];

// Shown once. `secret` is a reference, and closing the dialog empties the reference. So the closed dialog and its
// functions, to which the browser may still refer, no longer lead to the secret.
function Once({ what, secret, close }) {
  const [said, setSaid] = useState('');
  const shown = useRef(null);
  useLayoutEffect(() => {
    const code = shown.current;
    code.textContent = secret.current;
    return () => { code.textContent = secret.current = ''; };
  }, []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret.current);
      setSaid('Copied');
    } catch { setSaid('Not copied: select the text'); }
  };
  return html`<${Dialog} title=${`The new ${what}`} close=${close} firm><p>Copy it now: it is not shown again.</p>
      <p class="secret-once"><code tabindex="0" ref=${shown}></code></p>
    <div class="buttons">${navigator.clipboard && html`<${Button} onClick=${copy}>${said || 'Copy'}
        </${Button}>`}<${Button} kind="primary" onClick=${close}>Done</${Button}></div></${Dialog}>`;
}

const Role = ({ value, set }) => html`<${Field} label="Role">
    ${(about) => html`<select value=${value} onChange=${(event) => set(event.target.value)} ...${about}>
    ${['viewer', 'member', 'admin'].map((role) => html`<option key=${role} value=${role}>${role}</option>`)}
    </select>`}</${Field}>`;

// Makes a token or an API key.
function Make({ what, kinds, send, done, command, need = 'admin' }) {
  const [form, setForm] = useState({ name: '', kind: kinds[0], expiresIn: '' });
  const secret = useRef('');
  const [isMade, setMade] = useState(false);
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const action = useAction(async () => {
    secret.current = await send({ ...form, expiresIn: form.expiresIn ? Number(form.expiresIn) : undefined });
    setMade(true);
    setForm({ ...form, name: '' });
    await done();
  });
  return html`<details class="card"><summary>New ${what}</summary>
      <form class="stack" onSubmit=${(event) => { event.preventDefault(); action.run(); }}>
      <div class="row"><${Field} label="Name">
      ${(about) => html`<input required maxlength="128" value=${form.name} onInput=${set('name')} autocomplete="off"
      ...${about} />`}</${Field}>
    <${Field} label=${kinds.includes('viewer') ? 'Role' : 'Kind'}>
        ${(about) => html`<select value=${form.kind} onChange=${set('kind')} ...${about}>
        ${kinds.map((kind) => html`<option key=${kind} value=${kind}>${kind}</option>`)}</select>`}</${Field}>
    <${Field} label="Ends">${(about) => html`<select value=${form.expiresIn} onChange=${set('expiresIn')} ...${about}>
        ${LIVES.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select>`}
        </${Field}></div>
    <${Failure} error=${action.error} />
        <div class="buttons"><${Button} type="submit" need=${need} kind="primary" busy=${action.busy}>Make the ${what}
        </${Button}></div>${command.text(form) && html`<${Command} label=${command.label} template=${!form.name}>${command.text(form)}
        </${Command}>`}</form>
    ${isMade && html`<${Once} what=${what} secret=${secret} close=${() => setMade(false)} />`}</details>`;
}

// A role changes only after a question: the mouse wheel or a key can change a select by mistake.
function ChangeRole({ row, put }) {
  const [role, setRole] = useState(row.role);
  return html`<span class="buttons"><select aria-label=${`Role of ${row.name}`} value=${role}
      onChange=${(event) => setRole(event.target.value)}>
      ${['viewer', 'member', 'admin'].map((each) => html`<option key=${each} value=${each}
      selected=${each === role}>${each}</option>`)}</select>
    ${role !== row.role && html`<${Ask} need="admin" kind="" label="Change" about=${`the role of ${row.name}`}
        title=${`Make ${row.name} ${role}?`} verb="Change the role" work=${() => put(row.name, role)}><p>
        ${row.name} is ${row.role} now. The change counts from the next request on, for every token of this user.
        </p></${Ask}>`}</span>`;
}

function Members() {
  const { organization } = useMe();
  const all = useData(path(organization, 'members'));
  const [name, setName] = useState('');
  const [role, setRole] = useState('member');
  const put = (who, what) => request('PUT', path(organization, 'members', who), { body: { role: what } });
  const add = useAction(async () => { await put(name, role); setName(''); await all.reload(); });
  const change = async (who, what) => { await put(who, what); await all.reload(); };
  const isMember = all.data?.members.some((row) => row.name === name);
  const remove = (who) => async () => { await request('DELETE', path(organization, 'members',
      who)); await all.reload(); };
  const columns = [
    { title: 'Member', cell: (row) => html`<span class="main-cell"><${Name}>${row.name}</${Name}></span>
        <span class="quiet">${row.email}</span>` },
    { title: 'Role', cell: (row) => html`<${ChangeRole} key=${row.role} row=${row} put=${change} />` },
    { title: '', kind: 'actions', cell: (row) => html`<${Ask} need="admin" label="Remove" about=${row.name}
        title=${`Remove ${row.name}?`} verb="Remove the member" work=${remove(row.name)} command=${null}><p>
        The tokens that this user has now lose this organization for good.</p></${Ask}>` },
  ];
  return html`<section><h2>Members</h2><${Loaded} of=${all}>${(data) => html`<${Table} label="Members" columns=${columns} rows=${data.members}
      keyOf=${(row) => row.name} text=${(row) => `${row.name} ${row.email} ${row.role}`} empty=${html`<p
      class="quiet">No member: the organization is used with tokens of its own.</p>`} />`}</${Loaded}>
    <details class="card"><summary>New member</summary>
        <form class="stack" onSubmit=${(event) => { event.preventDefault(); add.run(); }}>
        <div class="row"><${Field} label="Name"
        error=${isMember && `${name} is a member already. Change the role in the list above.`}>
        ${(about) => html`<input required value=${name} onInput=${(event) => setName(event.target.value)}
        autocomplete="off" ...${about} />`}</${Field}><${Role} value=${role} set=${setRole} /></div>
    <${Failure} error=${add.error} />
        <div class="buttons"><${Button} type="submit" need="admin" kind="primary" busy=${add.busy}
        disabled=${!all.data || isMember}>Add the member
        </${Button}></div><${Command} label="On the host" template=${!name}>
        secret-control-plane member add ${quoted(name || 'NAME')} --role ${role}</${Command}></form></details>
        </section>`;
}

const state = (row) => (row.revokedAt || row.revoked ? 'revoked' : row.expiresAt &&
    new Date(row.expiresAt) < new Date() ? 'expired' : 'live');
export const State = ({ row }) => html`<${Badge} kind=${state(row) === 'live' ? 'current' : 'revoked'}>${state(row)}
    </${Badge}>`;
const Ends = ({ row }) => (row.expiresAt ? html`<${Time} at=${row.expiresAt} relative />` : html`<span class="quiet">
    never</span>`);

function Tokens() {
  const { organization } = useMe();
  const all = useData(path(organization, 'tokens'));
  const revoke = (id) => async () => { await request('DELETE', path(organization, 'tokens',
      id)); await all.reload(); };
  const send = async ({ name, kind, expiresIn }) => (await request('POST', path(organization, 'tokens'), { body:
      { name, role: kind, expiresIn } })).token;
  const columns = [
    { title: 'Token', cell: (row) => html`<span class="main-cell"><${Name}>${row.name}</${Name}></span>
        ${row.user && html`<span class="quiet">of ${row.user}</span>`}` },
    { title: 'Role', cell: (row) => row.role ?? html`<span class="quiet">of the member</span>` },
    { title: 'Made', cell: (row) => html`<${Time} at=${row.createdAt} relative />` },
    { title: 'Last used', cell: (row) => html`<${Time} at=${row.lastUsedAt} relative />` },
    { title: 'Ends', cell: (row) => html`<${Ends} row=${row} />` },
    { title: 'State', cell: (row) => html`<${State} row=${row} />` },
    { title: '', kind: 'actions', cell: (row) => !row.revokedAt && html`<${Ask} need="admin" label="Revoke"
        about=${row.name} title=${`Revoke ${row.name}?`} verb="Revoke the token" work=${revoke(row.id)}><p>
        Whoever uses it is refused from the next request on.</p></${Ask}>` },
  ];
  return html`<section><h2>Tokens</h2><${Loaded} of=${all}>
      ${(data) => html`<${Table} label="Tokens" columns=${columns} rows=${data.tokens} keyOf=${(row) => row.id}
      text=${(row) => `${row.name} ${row.user} ${row.role}`} />`}</${Loaded}>
    <${Make} what="token" kinds=${['viewer', 'member', 'admin']} send=${send} done=${all.reload}
        command=${{ label: 'On the host', text: (form) =>
        `secret-control-plane token create ${quoted(form.name || 'NAME')} --role ${form.kind}${form.expiresIn ? ` --expires ${form.expiresIn / DAY}d` : ''}` }} /></section>`;
}

function ApiKeys() {
  const { organization, role } = useMe();
  const all = useData(path(organization, 'apiKeys'));
  const revoke = (id) => async () => { await request('DELETE', path(organization, 'apiKeys',
      id)); await all.reload(); };
  const send = async ({ name, kind, expiresIn }) => (await request('POST', path(organization, 'apiKeys'), { body:
      { name, type: kind, expiresIn } })).key;
  const rows = (data) => ['private', 'public'].flatMap((kind) => (data[kind] ?? []).map((row) => ({ ...row, kind })));
  const columns = [
    { title: 'Key', cell: (row) => html`<span class="main-cell"><${Name}>${row.metadata.name}</${Name}></span>` },
    { title: 'Kind', cell: (row) => row.kind },
    { title: 'Made', cell: (row) => html`<${Time} at=${row.createdAt} relative />` },
    { title: 'Last used', cell: (row) => (row.kind === 'public' ? html`<span class="quiet">not recorded</span>` :
        html`<${Time} at=${row.lastUsedAt} relative />`) },
    { title: 'Ends', cell: (row) => html`<${Ends} row=${row} />` },
    { title: 'State', cell: (row) => html`<${State} row=${row} />` },
    { title: '', kind: 'actions', cell: (row) => !row.revoked && html`<${Ask} need="member" label="Revoke"
        about=${row.metadata.name} title=${`Revoke ${row.metadata.name}?`} verb="Revoke the key"
        work=${revoke(row.id)} command=${`pipecat cloud organizations keys revoke`}><p>
        Whoever uses it is refused from the next request on.</p></${Ask}>` },
  ];
  return html`<section><h2>API keys</h2>
      <p class="quiet">A private key acts as a member. A public key starts sessions, and cannot read anything.</p>
      <${Loaded} of=${all}>${(data) => html`<${Table} label="API keys" columns=${columns} rows=${rows(data)}
      keyOf=${(row) => row.id} text=${(row) => row.metadata.name} />`}</${Loaded}>
    <${Make} what="API key" kinds=${mayAct(role, 'admin') ? ['public', 'private'] : ['public']} send=${send}
        done=${all.reload} need="member" command=${{ label: 'In a terminal', text: (form) =>
        form.kind === 'public' && !form.expiresIn && `pipecat cloud organizations keys create --name ${quoted(form.name || 'NAME')}` }} /></section>`;
}

export function Access() {
  const { role } = useMe();
  if (!mayAct(role, 'admin')) return html`<div class="view"><${Title}>Access</${Title}><p class="quiet">
      Only an admin manages members, tokens and private API keys; your role is ${role}.</p><${ApiKeys} /></div>`;
  return html`<div class="view"><${Title}>Access</${Title}><${Members} /><${Tokens} /><${ApiKeys} /></div>`;
}
