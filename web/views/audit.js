// The audit log, newest first, and its newest checkpoint.
import { useEffect, useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { path, request } from '../lib/session.js';
import { number } from '../lib/format.js';
import { Badge, Button, Command, Failure, Field, Loaded, Name, Table, Time, Title, html, mayAct, useAction,
    useMe } from '../lib/ui.js';

function Checkpoint({ region }) {
  const { organization } = useMe();
  const checkpoint = useData(path(organization, 'audit', 'checkpoint') + region);
  if (checkpoint.error?.status === 404) return html`<p class="quiet">
      There is no checkpoint yet: the first comes within a minute of the first record.</p>`;
  return html`<${Loaded} of=${checkpoint}>
      ${(data) => html`<p>Signed <${Time} at=${data.time} relative /> over ${number(data.position)} records.</p>
      <p class="mono wrap quiet">${data.hash}</p>
    <details><summary>The checkpoint itself</summary>
        <p>Keep it elsewhere: with it, a record that was changed or cut off later is found.</p>
        <p class="mono wrap">${data.checkpoint}</p></details><${Command} label="On the host" template>
        secret-control-plane audit verify --checkpoint FILE</${Command}>`}</${Loaded}>`;
}

// Records come in pages of a hundred. The filters look at what has been read so far.
function useRecords(where) {
  const [pages, setPages] = useState({ records: [], before: null, isRead: false });
  const more = useAction(async (before) => {
    const at = before ? `${where.includes('?') ? '&' : '?'}before=${before}` : '';
    const page = await request('GET', where + at);
    setPages((old) => ({ records: before ? [...old.records, ...page.records] : page.records, before: page.before ??
        null, isRead: true }));
  });
  useEffect(() => { more.run(null); }, [where]);
  return { ...pages, more };
}

const Details = ({ row }) => html`<span class="wrap">${row.detail}</span>
    ${!row.authentic && html` <${Badge} kind="revoked">not authentic</${Badge}>`}`;

// The records of one log. `query` names the log; the choice of a log is `children`.
function Records({ query, children }) {
  const { organization } = useMe();
  const [action, setAction] = useState('');
  const log = useRecords(path(organization, 'audit') + query);
  const actions = [...new Set(log.records.map((row) => row.action))].sort();
  const columns = [
    { title: 'When', cell: (row) => html`<${Time} at=${row.time} />` },
    { title: 'Who', cell: (row) => html`<span class="main-cell"><${Name}>${row.actor.name || row.actor.kind}</${Name}>
        </span><span class="quiet">${row.actor.kind} ${row.address}</span>` },
    { title: 'Did', cell: (row) => html`${row.action}
        ${row.outcome !== 'done' && html` <${Badge} kind=${row.outcome === 'unchanged' ? '' : 'stale'}>${row.outcome}
        </${Badge}>`}` },
    { title: 'To', cell: (row) => html`<${Name}>${row.object}</${Name}>` },
    { title: 'Details', cell: (row) => html`<${Details} row=${row} />` },
  ];
  const rows = log.records.filter((row) => !action || row.action === action);
  return html`<section><h2>Records</h2>
      <div class="row">${children}<${Field} label="Action">
          ${(about) => html`<select value=${action} onChange=${(event) => setAction(event.target.value)} ...${about}>
          <option value="">all</option>
          ${actions.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select>`}</${Field}>
          </div>
    <${Failure} error=${log.more.error} />
        ${log.isRead && html`<${Table} label="Audit records" columns=${columns} rows=${rows} keyOf=${(row) => row.id}
        text=${(row) =>
        `${row.actor.name} ${row.actor.kind} ${row.address} ${row.action} ${row.object} ${row.detail}`}
        filterFrom=${1} nothing=${`Nothing among the ${number(log.records.length)} records read.${log.before ?
          ' Read older ones below.' : ''}`} empty=${html`<p class="quiet">No record.</p>`} />`}
    ${log.before && html`<p><${Button} busy=${log.more.busy} onClick=${() => log.more.run(log.before)}>
        Read older records</${Button}></p>`}<${Command} label="On the host">secret-control-plane audit tail --follow
        </${Command}></section>`;
}

export function Audit() {
  const { role, live } = useMe();
  const [region, setRegion] = useState('');
  if (!mayAct(role, 'admin')) return html`<div class="view"><${Title}>Audit</${Title}><p class="quiet">
      Only an admin reads the audit log; your role is ${role}.</p></div>`;
  const query = region ? `?region=${encodeURIComponent(region)}` : '';
  return html`<div class="view"><${Title}>Audit</${Title}><section class="card stack"><h2>Checkpoint</h2>
      <${Checkpoint} region=${query} /></section>
    <${Records} key=${query} query=${query}><${Field} label="Log">
        ${(about) => html`<select value=${region} onChange=${(event) => setRegion(event.target.value)} ...${about}>
        <option value="">changes</option>
        ${(live.fleet?.regions ?? []).map((each) => html`<option key=${each.region} value=${each.region}>
        bundles of ${each.region}</option>`)}</select>`}</${Field}></${Records}></div>`;
}
