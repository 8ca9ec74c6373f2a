// One agent: what its instances run, deploys, scaling, deployments, events and credentials.
import { useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { go, link } from '../lib/router.js';
import { path, request } from '../lib/session.js';
import { deployCommand, number, plural, quoted } from '../lib/format.js';
import { History, NotKnown, StateBar, StateWords, countsOf, isKnown } from '../lib/picture.js';
import { Ask, Badge, Button, Command, Failure, Field, Loaded, Loading, Name, Notice, Table, Time, Title, html, mayAct,
    useAction, useMe } from '../lib/ui.js';
import { Credentials } from './credentials.js';
import { Pins } from './fleet.js';

const versions = (sets) => (sets ? sets.map((set) => `${set.name} v${set.version}`).join(', ') || 'no set' :
    'not known');

// What runs: the bar, each release, and on demand each instance.
function Running({ row, step }) {
  const { organization, live } = useMe();
  const [shown, setShown] = useState(false);
  const instances = useData(shown ? path(organization, 'services', row.agent, 'instances') : null, live.fleet?.tag);
  const columns = [
    { title: 'Instance', cell: (each) => html`<code class="main-cell"><${Name}>${each.instance}</${Name}></code>` },
    { title: 'State', cell: (each) => html`<${Badge} kind=${each.state}>${each.state}</${Badge}>` },
    { title: 'Runs', cell: (each) => versions(each.sets) },
    { title: 'Since', cell: (each) => html`<${Time} at=${each.since} />` },
    { title: 'Last heard', cell: (each) => html`<${Time} at=${each.lastHeard} relative />` },
    { title: 'Sessions', kind: 'number', cell: (each) => number(each.activeSessions) },
    { title: 'Sidecar', cell: (each) => (each.watched ? 'yes' : html`<span class="quiet"
        title="Without a sidecar an instance cannot say that it has ended">no</span>`) },
  ];
  return html`<section class="card"><h2>${plural(row.instanceCount, 'instance')}</h2>
      <${StateBar} counts=${countsOf(row)} /><${StateWords} counts=${countsOf(row)} />
    <div class="split"><ul class="releases">
        ${row.releases.map((release, i) => html`<li key=${i}>
        <${Badge} kind=${release.state}>${release.state}
        </${Badge}> ${plural(release.instances, 'instance')} with ${versions(release.sets)}
        <span class="quiet"> · oldest since <${Time} at=${release.oldestSince} /></span></li>`)}</ul>
    <${History} history=${row.history} step=${step} tall /></div>
    ${row.developerRunCount > 0 && html`<p class="quiet">
        ${plural(row.developerRunCount, "developer's run", "developers' runs")} in the last day.</p>`}
    <p><${Button} onClick=${() => setShown(!shown)} aria-expanded=${String(shown)}>
        ${shown ? 'Hide the instances' : 'Show the instances'}</${Button}></p>
    ${shown && html`<${Loaded} of=${instances}>
        ${(data) => html`<${Table} label="Instances" columns=${columns} rows=${data.instances} keyOf=${(each) =>
        `${each.instance} ${each.sequence}`} text=${(each) => `${each.instance} ${each.state} ${versions(each.sets)}`}
      empty=${html`<p class="quiet">
          No instance has sent a request. An instance starts with the injector as its entrypoint, and a credential of this agent.
          </p>`} />`}</${Loaded}>`}
    <${Command} label="On the host">secret-control-plane fleet ${quoted(row.agent)}</${Command}></section>`;
}

function Deploy({ row, agent, reload }) {
  const { organization } = useMe();
  const [image, setImage] = useState('');
  const put = (body) => async () => {
    const answer = await request('PUT', path(organization, 'services'), { body:
        { serviceName: row.agent, ...body } });
    const isNew = answer.desiredDeploymentId !== agent.desiredDeploymentId;
    setImage('');
    await reload();
    return { isNew, warning: answer.warning };
  };
  const values = useAction(put({ forceRedeploy: true }));
  const other = useAction(put({ image }));
  const late = row.sets.filter((set) => !set.follows && set.readyVersion > set.version);
  const submit = (event) => { event.preventDefault(); other.run(); };
  const done = values.done ?? other.done;
  return html`<section class="card stack"><h2>Deploy</h2>
      <p>${late.length ? html`<${Pins} sets=${row.sets} organization=${organization} />
      : new instances get the deployed version until the next deploy.` : row.sets.length ?
      'New instances get the newest values.' : 'This agent has no secret set.'}</p>
    <div class="buttons"><${Button} need="member" kind=${late.length ? 'primary' : ''} busy=${values.busy}
        onClick=${values.run}>${values.busy ? 'Deploying…' : 'Deploy the newest values'}</${Button}></div>
    <${Command}>${deployCommand(agent)}</${Command}>
    <form class="row end" onSubmit=${submit}>
        <${Field} label="Another image" hint="New instances then also get the newest values.">
        ${(about) => html`<input class="mono" required value=${image} onInput=${(event) =>
        setImage(event.target.value)} placeholder=${row.image} autocomplete="off" spellcheck=${false} ...${about} />`}
        </${Field}>
      <${Button} type="submit" need="member" busy=${other.busy}>Deploy this image</${Button}></form>
    ${image && html`<${Command}>${deployCommand(agent, { image })}</${Command}>`}
    <${Failure} error=${values.error ?? other.error} />
        ${done && html`<${Notice} kind=${done.isNew ? 'done' : 'info'}>
        ${done.isNew ? 'Deployed. New instances get it; running instances are told to restart.' :
          'Nothing has changed: this is what was deployed before.'}${done.warning && ` ${done.warning}`}</${Notice}>`}
    ${agent.errors.map((each) => html`<${Notice} key=${each.code} kind="error">${each.message}</${Notice}>`)}
        </section>`;
}

function Scaling({ row, agent, reload }) {
  const { organization } = useMe();
  const { minReplicas, maxReplicas } = agent.autoScaling;
  const [wanted, setWanted] = useState({ least: String(minReplicas), most: String(maxReplicas) });
  const action = useAction(async () => {
    const autoScaling = { minAgents: Number(wanted.least), maxAgents: Number(wanted.most) };
    await request('PUT', path(organization, 'services'), { body: { serviceName: row.agent, autoScaling } });
    await reload();
  });
  const field = (name, label) => html`<${Field} label=${label}>
      ${(about) => html`<input type="number" min=${name === 'most' ? 1 : 0} max="10000" required value=${wanted[name]} onInput=${(event) =>
      setWanted({ ...wanted, [name]: event.target.value })} ...${about} />`}</${Field}>`;
  return html`<section class="card stack"><h2>Scaling</h2>
      <p class="quiet">Numbers for the operator's platform, which starts and stops instances.</p>
      <form class="row end" onSubmit=${(event) => { event.preventDefault(); action.run(); }}>
      ${field('least', 'At least')}${field('most', 'At most')}
      <${Button} type="submit" need="member" busy=${action.busy}>Scale</${Button}></form>
    <${Failure} error=${action.error} />${action.done && html`<${Notice} kind="done">Saved.</${Notice}>`}
        <${Command}>${deployCommand(agent, { ...wanted, force: false })}</${Command}></section>`;
}

function Past({ row, agent }) {
  const { organization, live } = useMe();
  const deployments = useData(path(organization, 'services', row.agent, 'deployments'), live.fleet?.tag);
  const events = useData(path(organization, 'services', row.agent, 'events'), live.fleet?.tag);
  const columns = [
    { title: 'When', cell: (each) => html`<${Time} at=${each.createdAt} />` },
    { title: 'Image', cell: (each) => html`<code class="image">${each.manifest.spec.image}</code>` },
    { title: 'Secret set', cell: (each) => each.manifest.spec.envFromSecretNames?.join(', ') ?? html`<span
        class="quiet">none</span>` },
    { title: 'Deployment', cell: (each) => html`<code class="quiet">${each.id.slice(0, 8)}</code>
        ${each.id === agent.desiredDeploymentId && html` <${Badge} kind="current">now</${Badge}>`}` },
  ];
  return html`<div class="view">
      <section><h2>Deployments</h2>
      <${Loaded} of=${deployments}>
      ${(data) => html`<${Table} label="Deployments" columns=${columns} rows=${data.deployments}
      keyOf=${(each) => each.id} text=${(each) => `${each.manifest.spec.image} ${each.id}`} />`}</${Loaded}>
      <${Command}>pipecat cloud agent deployments ${quoted(row.agent)}</${Command}></section>
    <section><h2>Events</h2><${Loaded} of=${events}>
        ${(data) => (data.events.length ? html`<ol class="events">
        ${data.events.slice(-50).reverse().map((each, i) => html`<li key=${i}><${Time} at=${each.time} />
        <${Badge}>${each.kind}</${Badge}><span class="wrap">${each.text}</span></li>`)}</ol>` : html`<p class="quiet">
        No events yet.</p>`)}</${Loaded}></section></div>`;
}

export function Agent({ name }) {
  const { organization, role, live } = useMe();
  const agent = useData(path(organization, 'services', name), live.fleet?.tag);
  const row = live.fleet?.agents.find((each) => each.agent === name && !each.deleted);
  const remove = async () => { await request('DELETE', path(organization, 'services', name)); go(organization,
      'agents'); };
  return html`<div class="view">
      <${Title} parent=${html`<a href=${link(organization, 'agents')}>Agents
      </a>`} aside=${row && html`<${Badge} kind=${row.ready ? 'current' : 'pending'}>
      ${row.ready ? 'deployed' : 'on its way'}</${Badge}><span class="quiet">
      ${row.region} · deployed <${Time} at=${row.deployedAt} relative /></span>`}><${Name}>${name}</${Name}>
      </${Title}>
    <${Loaded} of=${agent}>${({ body }) => (!row ? html`<div>${live.error ? html`<${Failure} error=${live.error} />` :
      html`<${Loading} />`}</div>` : html`<p class="facts"><code class="image">${row.image}
        </code> with <${Pins} sets=${row.sets} organization=${organization} /></p>
      ${isKnown(row) ? html`<${Running} row=${row} step=${live.fleet.historyStepSeconds} />` : html`<section
          class="card"><h2>Instances</h2><p><${NotKnown} region=${row.region} /></p></section>`}<div class="columns">
          <${Deploy} row=${row} agent=${body} reload=${agent.reload} />
          <${Scaling} row=${row} agent=${body} reload=${agent.reload} /></div>
      <${Past} row=${row} agent=${body} /><section><h2>Credentials</h2>
          ${mayAct(role, 'admin') ? html`<${Credentials} agent=${name} />` : html`<p class="quiet">
          Only an admin sees them; your role is ${role}.</p>`}</section>
      <section class="stack"><h2>Deletion</h2>
          <div class="buttons"><${Ask} need="member" kind="danger" label="Delete the agent" title=${`Delete ${name}?`}
          verb="Delete the agent" work=${remove} command=${`pipecat cloud agent delete ${quoted(name)}`}><p>
          ${!isKnown(row) ? 'Whether an instance of it runs is not known: its region cannot be read now.' : row.instanceCount
        ? `${plural(row.instanceCount,
            'instance')} of it run: they keep their values until they end, and cannot start again.` :
            'No instance of it runs. Its credentials stop working.'}</p></${Ask}></div></section>`)}</${Loaded}>
            </div>`;
}
