// Regions, image pull secrets, and the health of the control plane.
import { useEffect, useRef, useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { path, request } from '../lib/session.js';
import { quoted } from '../lib/format.js';
import { Ask, Badge, Button, Command, Failure, Field, Loaded, Name, Notice, SECRET_INPUT, Table, Time, Title, html,
    useAction, useMe } from '../lib/ui.js';
import { Status } from './sets.js';

function Regions() {
  const { organization, live } = useMe();
  const regions = useData(path(organization, 'regions'));
  const properties = useData(path(organization, 'properties'));
  const change = useAction(async (code) => { await request('PATCH', path(organization, 'properties'),
      { body: { defaultRegion: code } }); await properties.reload(); });
  const heard = (code) => live.fleet?.regions.find((each) => each.region === code);
  const columns = [
    { title: 'Region', cell: (row) => html`<span class="main-cell">${row.display_name}</span><span class="quiet">
        ${row.code}</span>` },
    { title: 'Instances', cell: (row) => (heard(row.code)?.readable ? html`<${Badge} kind="current">readable
        </${Badge}>` : html`<${Badge} kind="stale">cannot be read now</${Badge}>`) },
    { title: 'Last report', cell: (row) => html`<${Time} at=${heard(row.code)?.heardUntil} relative />` },
    { title: 'New sets and agents', cell: (row) => (properties.data?.properties.defaultRegion === row.code ?
        html`<${Badge}>default</${Badge}>` : html`<${Button} need="member" busy=${change.busy} about=${row.code}
        onClick=${() => change.run(row.code)}>Make default</${Button}>`) },
  ];
  return html`<section><h2>Regions</h2><${Failure} error=${change.error} />
      <${Loaded} of=${regions}>
      ${(data) => html`<${Table} label="Regions" columns=${columns} rows=${data.regions} keyOf=${(row) => row.code}
      text=${(row) => row.code} />`}</${Loaded}>
    <${Command} template>pipecat cloud organizations default-region CODE</${Command}></section>`;
}

// As in Docker's configuration file: USER:PASSWORD in base64.
const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

function NewPullSecret({ done }) {
  const { organization } = useMe();
  const [form, setForm] = useState({ name: '', host: '', user: '' });
  const password = useRef(null);
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const action = useAction(async () => {
    const secretValue = encoded(`${form.user}:${password.current.value}`);
    await request('PUT', path(organization, 'secrets', form.name), { body:
        { isImagePullSecret: true, host: form.host, secretValue } });
    password.current.value = '';
    setForm({ name: '', host: '', user: '' });
    await done();
  });
  const field = (name, label, hint) => html`<${Field} label=${label} hint=${hint}>
      ${(about) => html`<input required value=${form[name]} onInput=${set(name)} autocomplete="off"
      spellcheck=${false} ...${about} />`}</${Field}>`;
  return html`<details class="card"><summary>Write an image pull secret</summary>
      <form class="stack" autocomplete="off" onSubmit=${(event) => { event.preventDefault(); action.run(); }}>
      <div class="row">${field('name', 'Name', 'The same name replaces it.')}
      ${field('host', 'Registry', 'Such as registry.example')}</div>
    <div class="row">${field('user', 'User')}
        <${Field} label="Password or token" hint="Never shown again">
        ${(about) => html`<textarea ref=${password} rows="1" required class="mono secret" ...${SECRET_INPUT}
        ...${about}></textarea>`}</${Field}></div>
    <${Failure} error=${action.error} />${action.done && html`<${Notice} kind="done">Written.</${Notice}>`}
        <div class="buttons"><${Button} type="submit" need="member" kind="primary" busy=${action.busy}>Write
        </${Button}></div>
    <${Command} template=${!form.name || !form.host}>
        pipecat cloud secrets image-pull-secret ${quoted(form.name || 'NAME')} ${quoted(form.host || 'HOST')}
        </${Command}></form></details>`;
}

function PullSecrets() {
  const { organization, live } = useMe();
  const sets = useData(path(organization, 'secrets'), live.fleet?.tag);
  const remove = (name) => async () => { await request('DELETE', path(organization, 'secrets',
      name)); await sets.reload(); };
  const columns = [
    { title: 'Name', cell: (row) => html`<span class="main-cell"><${Name}>${row.name}</${Name}></span>` },
    { title: 'Region', cell: (row) => row.region },
    { title: 'Status', cell: (row) => html`<${Status} set=${row} />` },
    { title: 'Written', cell: (row) => html`<${Time} at=${row.updatedAt} relative />` },
    { title: '', kind: 'actions', cell: (row) => html`<${Ask} need="member" label="Delete" about=${row.name}
        title=${`Delete ${row.name}?`} verb="Delete" work=${remove(row.name)}
        command=${`pipecat cloud secrets delete ${quoted(row.name)}`}><p>
        It is refused while an agent pulls its image with it.</p></${Ask}>` },
  ];
  return html`<section><h2>Image pull secrets</h2>
      <p class="quiet">For the operator's platform, which pulls images. Instances do not get them.</p>
      <${Loaded} of=${sets}>${(data) => html`<${Table} label="Image pull secrets" columns=${columns}
      rows=${data.sets.filter((set) => set.type !== 'secret')} keyOf=${(row) => row.name} text=${(row) =>
      row.name} />`}</${Loaded}>
    <${NewPullSecret} done=${sets.reload} /></section>`;
}

// /readyz needs no token. It answers 503 with the same body while something is wrong.
function Health() {
  const [health, setHealth] = useState(null);
  const look = async () => {
    try {
      const response = await fetch('/readyz', { cache: 'no-store', credentials: 'omit' });
      setHealth(await response.json());
    } catch { setHealth({ ready: false, checks: { 'control plane': 'does not answer' } }); }
  };
  useEffect(() => {
    look();
    const timer = setInterval(() => { if (!document.hidden) look(); }, 10000);
    return () => clearInterval(timer);
  }, []);
  return html`<section class="card"><h2>Control plane</h2>
      ${health && html`<p><${Badge} kind=${health.ready ? 'current' : 'stale'}>${health.ready ? 'ready' : 'not ready'}
      </${Badge}></p><dl class="checks">
      ${Object.entries(health.checks ?? {}).map(([name, text]) => html`<div key=${name}><dt>${name}</dt><dd>${text}
      </dd></div>`)}</dl>`}<${Command} label="On the host">secret-control-plane doctor</${Command}></section>`;
}

export const Settings = () => html`<div class="view"><${Title}>Settings</${Title}><${Regions} /><${PullSecrets} />
    <${Health} /></div>`;
