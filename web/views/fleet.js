// The picture of the fleet: each agent a bar of its instances by state, now and over the last hours.
import { link } from '../lib/router.js';
import { number } from '../lib/format.js';
import { History, NotKnown, STATES, StateBar, StateWords, countsOf, isKnown } from '../lib/picture.js';
import { Badge, Command, Empty, Failure, Loading, Name, Notice, Table, Time, Title, html, useMe } from '../lib/ui.js';

const add = (lists) => lists.reduce((sum, list) => sum.map((n, i) => n + list[i]));

function total(agents) {
  const counts = Object.fromEntries(Object.keys(STATES).map((state) => [state, 0]));
  for (const agent of agents) {
    for (const [state, n] of Object.entries(countsOf(agent))) counts[state] += n;
  }
  return { counts, instances: agents.reduce((sum, agent) => sum + agent.instanceCount, 0),
    sessions: agents.reduce((sum, agent) => sum + agent.activeSessionCount, 0),
    history: { current: add(agents.map((agent) => agent.history.current)), older: add(agents.map((agent) =>
        agent.history.older)) } };
}

// "bot-secrets v3 → v5": what new instances get, and what they would get after a deploy.
export const Pins = ({ sets, organization }) => (sets.length ? sets.map((set) => html`<span class="pin"
    key=${set.name}><a href=${link(organization, 'sets', set.name)}><${Name}>${set.name}</${Name}></a> <span
  class="version">v${set.version}</span>
      ${set.readyVersion > set.version && !set.follows && html` <${Badge} kind="stale">v${set.readyVersion} is ready
      </${Badge}>`}</span>`)
  : html`<span class="quiet">no set</span>`);

// What the instances of an agent run, as a bar and in words.
export const Run = ({ row }) => (isKnown(row) ? html`<div><${StateBar} counts=${countsOf(row)} />
    <${StateWords} counts=${countsOf(row)} /></div>` : html`<${NotKnown} region=${row.region} />`);

function Regions({ fleet }) {
  const unsettled = fleet.regions.filter((region) => region.readable && !region.settled);
  const unread = fleet.regions.filter((region) => !region.readable).map((region) => region.region);
  return html`<div class="stack notices">
      ${unread.length > 0 && html`<${Notice} kind="warning">
      ${unread.join(', ')} cannot be read now. The instances there are not known, and the sums are without them.
      </${Notice}>`}
    ${unsettled.length > 0 && fleet.agents.some((agent) => agent.instanceCount + agent.silentCount > 0) &&
        html`<${Notice}>The server has listened in ${unsettled.map((each) =>
        each.region).join(', ')} for less than three minutes:
      an instance that has stopped may still be counted.</${Notice}>`}</div>`;
}

const Summary = ({ all, step }) => html`<section class="summary card" aria-label="All agents"><p class="figure">
    <strong>${number(all.instances)}</strong><span>${all.instances === 1 ? 'instance' : 'instances'}</span></p>
  <p class="figure"><strong>${number(all.counts.current)}</strong><span>current</span></p><p class="figure">
      <strong>${number(all.counts.stale + all.counts.superseded)}</strong><span>behind</span></p>
  <p class="figure"><strong>${number(all.sessions)}</strong><span>${all.sessions === 1 ? 'session' : 'sessions'}
      </span></p><${History} history=${all.history} step=${step} tall />
  <div class="wide-row"><${StateBar} counts=${all.counts} /><${StateWords} counts=${all.counts} /></div></section>`;

export function Fleet() {
  const { organization, live } = useMe();
  if (!live.fleet) return html`<div class="view"><${Title}>Fleet</${Title}>
      ${live.error ? html`<${Failure} error=${live.error} />` : html`<${Loading} />`}</div>`;
  const { fleet } = live;
  const known = fleet.agents.filter(isKnown);
  const columns = [
    { title: 'Agent', cell: (row) => html`<span class="main-cell">
        ${row.deleted ? html`<${Name}>${row.agent}</${Name}> <${Badge} kind="superseded">deleted</${Badge}>`
      : html`<a href=${link(organization, 'agents', row.agent)}><${Name}>${row.agent}</${Name}></a>`}</span>
          <span class="quiet">${row.region}</span>` },
    { title: 'Instances', kind: 'number', cell: (row) => (isKnown(row) ? number(row.instanceCount) : '–') },
    { title: 'What they run', kind: 'bar-cell', cell: (row) => html`<${Run} row=${row} />` },
    { title: 'Deployed', cell: (row) => html`<${Pins} sets=${row.sets} organization=${organization} />` },
    { title: 'Last hours', kind: 'history-cell', cell: (row) => isKnown(row) && html`<${History} history=${row.history}
        step=${fleet.historyStepSeconds} />` },
    { title: 'Sessions', kind: 'number', cell: (row) => (isKnown(row) ? number(row.activeSessionCount) : '–') },
  ];
  const empty = html`<${Empty} title="No agent yet"><p>
      An agent is a bot with an image and a secret set. Deploy the first one:</p><${Command} template>
      pipecat cloud deploy my-bot IMAGE --secrets my-secrets --no-credentials</${Command}></${Empty}>`;
  return html`<div class="view">
      <${Title} aside=${html`<span class="quiet">as of <${Time} at=${fleet.time} /></span>`}>Fleet</${Title}>
      <${Failure} error=${live.error} /><${Regions} fleet=${fleet} />
    ${known.length > 0 && html`<${Summary} all=${total(known)} step=${fleet.historyStepSeconds} />`}
    <${Table} label="Agents" columns=${columns} rows=${fleet.agents} keyOf=${(row) =>
        row.region + row.agent + row.deleted} text=${(row) =>
        `${row.agent} ${row.region} ${row.image} ${row.secretSet}`} empty=${empty} />
    ${fleet.agents.length > 0 && html`<details class="about"><summary>What the colors mean</summary>
        <dl>${Object.entries(STATES).map(([state, text]) => html`<div key=${state}><dt>
        <span class=${`dot ${state}`}></span>${state}</dt><dd>instances that ${text}</dd></div>`)}</dl>
      <p>The last hours are drawn from the records that still exist: an instance counts from its first request on, and as behind until it had its present release.
          </p></details>`}</div>`;
}
