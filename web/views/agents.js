// All agents, and deploying a new one.
import { useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { go, link } from '../lib/router.js';
import { path, request } from '../lib/session.js';
import { number, quoted } from '../lib/format.js';
import { isKnown } from '../lib/picture.js';
import { Badge, Button, Command, Empty, Failure, Field, Loading, Name, Notice, Table, Time, Title, html, useAction,
    useMe } from '../lib/ui.js';
import { Pins, Run } from './fleet.js';

function NewAgent({ done }) {
  const { organization } = useMe();
  const sets = useData(path(organization, 'secrets'));
  const [form, setForm] = useState({ serviceName: '', image: '', secretSet: '', imagePullSecretSet: '' });
  const change = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const action = useAction(async () => {
    const body = Object.fromEntries(Object.entries(form).filter(([, value]) => value));
    const answer = await request('POST', path(organization, 'services'), { body });
    done(form.serviceName, answer.warning);
  });
  const submit = (event) => { event.preventDefault(); action.run(); };
  const named = (type) => (sets.data?.sets ?? []).filter((set) => set.type === type).map((set) => set.name);
  const choice = (name, type, none) => (about) => html`<select value=${form[name]} onChange=${change(name)}
      ...${about}><option value="">${none}</option>
      ${named(type).map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select>`;
  const options = [form.secretSet && ` --secrets ${quoted(form.secretSet)}`, form.imagePullSecretSet ?
      ` --credentials ${quoted(form.imagePullSecretSet)}` : ' --no-credentials'].filter(Boolean).join('');
  return html`<section class="card" aria-label="New agent"><h2>New agent</h2>
      <form class="stack" onSubmit=${submit}>
      <div class="row"><${Field} label="Name" hint="Small letters, digits and dashes, at most 54">
      ${(about) => html`<input required value=${form.serviceName} onInput=${change('serviceName')} autocomplete="off"
      spellcheck=${false} ...${about} />`}</${Field}>
    <${Field} label="Image" hint="With its registry and tag or digest">
        ${(about) => html`<input required class="mono" value=${form.image} onInput=${change('image')}
        autocomplete="off" spellcheck=${false} placeholder="registry.example/bot:1" ...${about} />`}</${Field}></div>
    <div class="row"><${Field} label="Secret set">${choice('secretSet', 'secret', 'none')}</${Field}>
        <${Field} label="Image pull secret">${choice('imagePullSecretSet', 'imagePullSecret', 'none')}</${Field}>
        </div>
    <${Failure} error=${action.error} /><div class="buttons">
        <${Button} type="submit" need="member" kind="primary" busy=${action.busy}>
        ${action.busy ? 'Deploying…' : 'Deploy'}</${Button}></div>
    <${Command} template=${!form.serviceName || !form.image}>
        pipecat cloud deploy ${quoted(form.serviceName || 'NAME')} ${quoted(form.image || 'IMAGE')}${options}
        </${Command}></form></section>`;
}

export function Agents() {
  const { organization, live } = useMe();
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState('');
  const agents = live.fleet?.agents.filter((agent) => !agent.deleted);
  const done = (name, warning) => { setNew(false); if (warning) setMade(warning); else go(organization, 'agents',
      name); };
  const columns = [
    { title: 'Agent', cell: (row) => html`<span class="main-cell"><a href=${link(organization, 'agents', row.agent)}>
        <${Name}>${row.agent}</${Name}></a></span><span class="quiet">${row.region}</span>` },
    { title: 'Image', cell: (row) => html`<code class="image">${row.image}</code>` },
    { title: 'Secret set', cell: (row) => html`<${Pins} sets=${row.sets} organization=${organization} />` },
    { title: 'Deployed', cell: (row) => html`<${Time} at=${row.deployedAt} relative />
        ${!row.ready && html` <${Badge} kind="pending">on its way</${Badge}>`}` },
    { title: 'Instances', kind: 'number', cell: (row) => (isKnown(row) ? number(row.instanceCount) : '–') },
    { title: 'What they run', kind: 'bar-cell', cell: (row) => html`<${Run} row=${row} />` },
  ];
  const empty = html`<${Empty} title="No agent yet"><p>Deploy the first one here, or in a terminal:</p><${Command} template>
      pipecat cloud deploy my-bot IMAGE --secrets my-secrets --no-credentials</${Command}></${Empty}>`;
  return html`<div class="view">
      <${Title} aside=${html`<${Button} need="member" kind="primary" onClick=${() => setNew(!isNew)}
      aria-expanded=${String(isNew)}>New agent</${Button}>`}>Agents</${Title}>
    ${made && html`<${Notice} kind="warning">${made}</${Notice}>`}${isNew && html`<${NewAgent} done=${done} />`}
        <${Failure} error=${live.error} />
    ${agents ? html`<${Table} label="Agents" columns=${columns} rows=${agents} keyOf=${(row) => row.agent}
        text=${(row) => `${row.agent} ${row.image} ${row.secretSet} ${row.region}`} empty=${empty} />` :
        !live.error && html`<${Loading} />`}</div>`;
}
