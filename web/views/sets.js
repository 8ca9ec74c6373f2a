// All secret sets of the organization.
import { useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { go, link } from '../lib/router.js';
import { path } from '../lib/session.js';
import { Badge, Button, Command, Empty, Field, Loaded, Loading, Name, Table, Time, Title, html, useMe } from '../lib/ui.js';
import { number } from '../lib/format.js';
import { WriteKeys } from './write_keys.js';

export const Status = ({ set }) => html`<span class="status"><${Badge} kind=${set.status}>
    ${set.status === 'pending' ? `v${set.version} is on its way` : set.status}</${Badge}>
    ${set.protected && html` <${Badge}
  kind="protected">protected</${Badge}>`}
      ${set.status === 'failed' && html` <span class="wrong">${set.errorMessage}</span>`}</span>`;

// The instances of agents that run an older version of the set than the newest ready one; null: not known now.
export function onOldVersions(fleet, set) {
  if (!fleet.regions.some((each) => each.region === set.region && each.readable)) return null;
  let count = 0;
  for (const agent of fleet.agents) {
    for (const release of agent.releases ?? []) {
      const held = release.sets.find((each) => each.name === set.name);
      if (held && held.version < set.readyVersion) count += release.instances;
    }
  }
  return count;
}

export const boundTo = (fleet, name) => (fleet?.agents ?? []).filter((agent) => agent.secretSet === name);

// A new set is made by the first write of a key to it. A write to a set that exists would replace its keys.
function NewSet({ regions, sets, done }) {
  const { organization } = useMe();
  const [name, setName] = useState('');
  const [region, setRegion] = useState('');
  const present = sets?.find((set) => set.name === name);
  const isGood = /^[a-z0-9]([a-z0-9-]{1,61})[a-z0-9]$/.test(name);
  return html`<section class="card stack" aria-label="New secret set"><h2>New secret set</h2>
    <div class="row"><${Field} label="Name" hint="3 to 63 small letters, digits and dashes">
        ${(about) => html`<input value=${name} onInput=${(event) => setName(event.target.value)} autocomplete="off"
        spellcheck=${false} ...${about} />`}</${Field}>
    <${Field} label="Region" hint="A set stays in its region.">
        ${(about) => html`<select value=${region} onChange=${(event) => setRegion(event.target.value)} ...${about}>
        <option value="">the default</option>${regions.map((each) => html`<option
      key=${each.code} value=${each.code}>${each.display_name}</option>`)}</select>`}</${Field}></div>
    ${present ? html`<p>${present.type === 'secret' ? html`This set exists: <a href=${link(organization, 'sets', name)}>open it
        </a>.` : 'An image pull secret has this name. Choose another name.'}</p>` :
    !sets ? html`<${Loading} />` : isGood ? html`<${WriteKeys} name=${name} keys=${[]} region=${region} written=${done} />` : html`<p
        class="quiet">First give it a name.</p>`}</section>`;
}

export function Sets() {
  const { organization, live } = useMe();
  const sets = useData(path(organization, 'secrets'), live.fleet?.tag);
  const regions = useData(path(organization, 'regions'));
  const [isNew, setNew] = useState(false);
  const columns = [
    { title: 'Set', cell: (row) => html`<span class="main-cell"><a href=${link(organization, 'sets', row.name)}>
        <${Name}>${row.name}</${Name}></a></span>` },
    { title: 'Status', cell: (row) => html`<${Status} set=${row} />` },
    { title: 'Version', kind: 'number', cell: (row) => html`<span class="version">v${row.version}</span>` },
    { title: 'Written', cell: (row) => html`<${Time} at=${row.updatedAt} relative />` },
    { title: 'Region', cell: (row) => row.region },
    { title: 'Agents', cell: (row) => { if (!live.fleet) return '–';
      const agents = boundTo(live.fleet, row.name);
      return agents.length ? html`<span class="links">
          ${agents.slice(0, 3).map((agent, i) => html`${i > 0 && ', '}
          <a href=${link(organization, 'agents', agent.agent)}><${Name}>${agent.agent}</${Name}>
          </a>`).concat(agents.length > 3 ? ` and ${agents.length - 3} more` : '')}</span>`
        : html`<span class="quiet">none</span>`; } },
    { title: 'On old versions', kind: 'number', cell: (row) => { if (!live.fleet) return '–';
      const old = onOldVersions(live.fleet, row);
      return old === null ? html`<span class="quiet">not known</span>` : old ? html`<${Badge} kind="stale">${number(old)}</${Badge}>` : html`<span class="quiet">0</span>`; } },
  ];
  const empty = html`<${Empty} title="No secret set yet"><p>
      A secret set holds the keys that a bot needs. Write the first one here, or in a terminal:</p><${Command} template>
      pipecat cloud secrets set my-secrets KEY=value</${Command}></${Empty}>`;
  return html`<div class="view">
      <${Title} aside=${html`<${Button} need="member" kind="primary" onClick=${() => setNew(!isNew)}
      aria-expanded=${String(isNew)}>New set</${Button}>`}>Secret sets</${Title}>
    ${isNew && html`<${NewSet} regions=${regions.data?.regions ?? []} sets=${sets.data?.sets} done=${(name) => go(organization, 'sets',
        name)} />`}
    <${Loaded} of=${sets}>${({ sets: all }) => html`<${Table} label="Secret sets" columns=${columns}
        rows=${all.filter((set) => set.type === 'secret')} keyOf=${(row) => row.name}
      text=${(row) => `${row.name} ${row.region} ${row.status}`} empty=${empty} />`}</${Loaded}></div>`;
}
