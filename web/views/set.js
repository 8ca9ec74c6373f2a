// One secret set: which version each instance holds, whether an old key may be revoked, and its keys.
import { useEffect, useState } from '../vendor/htm-preact.js';
import { useData } from '../lib/live.js';
import { go, link } from '../lib/router.js';
import { path, request } from '../lib/session.js';
import { deployCommand, moment, number, plural, quoted } from '../lib/format.js';
import { Squares, shareOf } from '../lib/picture.js';
import { Ask, Badge, Button, Command, Failure, Loaded, Name, Notice, Table, Time, Title, classes, html, useAction,
    useMe } from '../lib/ui.js';
import { boundTo, Status } from './sets.js';
import { WriteKeys } from './write_keys.js';

const VERDICT = { yes: 'safe to revoke', no: 'not yet', unknown: 'not known' };

const Holders = ({ use, organization }) => html`<ul class="holders">
    ${use.agents.map((each) => html`<li key=${each.agent + each.deleted}><span>
    ${each.deleted ? html`<${Name}>${each.agent}</${Name}> (deleted)`
  : html`<a href=${link(organization, 'agents', each.agent)}><${Name}>${each.agent}</${Name}>
      </a>`}: ${plural(each.instances, 'instance')}
      ${each.oldestSince && html`, oldest since <${Time} at=${each.oldestSince} />`}</span>
  ${each.instanceIds.length > 0 && html`<details><summary>which ones</summary>
      <p class="mono">${each.instanceIds.join(', ')}
      ${each.instances > each.instanceIds.length && `, and ${number(each.instances - each.instanceIds.length)} more`}
      </p></details>`}</li>`)}</ul>`;

// One version: its number, the instances that hold it, and whether its values may be revoked.
// `isWaiting`: a newer version is not ready yet, so the values of this version may still be the ones to use.
function Version({ use, newest, total, share, organization, isWaiting }) {
  const isNewest = use.version >= newest;
  const safe = isWaiting && use.safeToRevoke === 'yes' ? 'unknown' : use.safeToRevoke;
  const kind = isNewest ? 'current' : 'stale';
  const sentence = isNewest ? `${number(use.instances)} of ${plural(total, 'instance')}`
    : use.instances ? `${number(use.instances)} of ${plural(total, 'instance')} still ${use.instances === 1 ?
        'holds' : 'hold'} it${use.oldestSince ? `, oldest since ${moment(use.oldestSince)}` : ''}`
      : use.reason ?? 'no instance holds it';
  return html`<li class=${`rung ${kind}`}>
      <div class="rung-version"><strong>v${use.version}</strong>${isNewest ? html`<${Badge} kind="current">
      ${isWaiting ? 'newest ready' : 'newest'}</${Badge}>` : html`<${Badge} kind=${`safe-${safe}`}>${VERDICT[safe]}
      </${Badge}>`}</div>
    <div class="rung-body"><${Squares} count=${use.instances} kind=${kind} share=${share} /><p>${sentence}
        ${use.safeToRevoke === 'unknown' && use.instances > 0 && use.reason && html`<span
        class="quiet"> · ${use.reason}</span>`}</p>
    ${use.silent > 0 && html`<p>${plural(use.silent, 'instance')} fell silent with it: ended, or without a sidecar.</p>`}
    ${use.pinnedBy.length > 0 && html`<p class="quiet">New instances of ${use.pinnedBy.join(', ')} get it.</p>`}
        <${Holders} use=${use} organization=${organization} /></div></li>`;
}

// Whether values that a newer version has replaced may be revoked at their issuers: 'yes', 'no' or 'unknown', a
// sentence, and what else a person must know before revoking. `usage`: the answer of GET …/secrets/NAME/usage.
// A version that is not ready yet has replaced nothing: instances still get the values of the version before it.
function judge(usage) {
  const old = usage.versions.filter((use) => use.version < usage.readyVersion);
  const judged = [...old, ...(hasOthers(usage) ? [usage.everyOtherVersion] : [])];
  const holding = old.reduce((sum, use) => sum + use.instances, 0);
  const silent = old.reduce((sum, use) => sum + use.silent, 0);
  const more = silent ? `${plural(silent, 'instance')} of an older version fell silent: ended, or without ${
    silent === 1 ? 'its' : 'their'} sidecar. Check that ${silent === 1 ? 'it has' : 'they have'} ended.` : '';
  if (usage.version > usage.readyVersion) {
    return { safe: 'no', more, text: `Not yet: v${usage.version} is not ready (${usage.status}): instances ${
      usage.readyVersion ? `still get v${usage.readyVersion}` : 'get no version'}.` };
  }
  if (judged.some((use) => use.safeToRevoke === 'no')) {
    const oldest = old.map((use) => use.oldestSince).filter(Boolean).sort()[0];
    return { safe: 'no', more, oldest, text: holding ? `Not yet: ${number(holding)} of ${plural(usage.instances,
        'instance')} ${holding === 1 ? 'holds' : 'hold'} an older version.` :
        'Not yet: a deployment still gives an older version to new instances.' };
  }
  const doubtful = judged.find((use) => use.safeToRevoke === 'unknown');
  if (doubtful) return { safe: 'unknown', text: 'Not known.', more: `${doubtful.reason}. ${more}` };
  return { safe: 'yes', text: `Yes: no instance ${silent ? 'that reports ' : ''}holds an older version.`, more };
}

// Whether the set has had versions that are not in the list.
const hasOthers = (usage) => usage.readyVersion - 1 > usage.versions.filter((use) => use.version <
    usage.readyVersion).length;

// The answer in one sentence. `isOld`: why there is no answer now; the usage is from before.
function Verdict({ usage, at, isOld }) {
  if (usage.version < 2 && usage.readyVersion === usage.version) return html`<p class="quiet">
      This set has had one version.</p>`;
  const found = isOld ? { safe: 'unknown', text: `Not known now: ${isOld}.`,
    more: 'The versions below are as they were then.' } : judge(usage);
  return html`<div class=${`verdict ${found.safe}`}><span class="quiet">
      May values that a newer version has replaced be revoked at their issuers?</span><strong>${found.text}</strong>
      ${found.more && html`<span>${found.more}</span>`}
      <span class="quiet">${found.oldest && html`The oldest since <${Time} at=${found.oldest} />. `}As of ${''}<${Time} at=${at} seconds />. A value that no newer version has replaced is still in use.</span></div>`;
}

function Ladder({ usage, organization, at, isOld }) {
  const share = shareOf(Math.max(1, ...usage.versions.map((use) => use.instances)));
  const other = usage.everyOtherVersion;
  const isWaiting = usage.version > usage.readyVersion;
  return html`<div class="stack"><${Verdict} usage=${usage} at=${at} isOld=${isOld} />
      <ol class=${classes('ladder', isOld && 'old')}>
      ${usage.versions.map((use) => html`<${Version} key=${use.version} use=${use} isWaiting=${isWaiting}
      newest=${usage.readyVersion} total=${usage.instances} share=${share} organization=${organization} />`)}
    ${hasOthers(usage) && html`<li class="rung rest">
        <div class="rung-version"><strong>${usage.versions.length > 1 ? 'others' : 'older'}</strong>
        <${Badge} kind=${`safe-${isWaiting ? 'no' : other.safeToRevoke}`}>
        ${VERDICT[isWaiting ? 'no' : other.safeToRevoke]}</${Badge}></div><div class="rung-body"><p>
        ${other.safeToRevoke === 'yes' ? 'No instance holds any other version.' : other.reason}</p></div></li>`}</ol>
    ${share > 1 && html`<p class="quiet">One square stands for ${number(share)} instances.</p>`}
    ${usage.versionUnknown.length > 0 && html`<${Notice} kind="warning">
        Version not known: ${usage.versionUnknown.map((each) => `${each.agent} (${plural(each.instances,
        'instance')})`).join(', ')}</${Notice}>`}</div>`;
}

// Agents that give new instances an older version than the newest: what a write needs to take effect.
function DeployNew({ set, name }) {
  const { organization, live } = useMe();
  const late = boundTo(live.fleet, name).filter((agent) => agent.sets.some((pin) => pin.name === name &&
      !pin.follows && pin.version < set.readyVersion));
  const action = useAction((agent) => request('PUT', path(organization, 'services'), { body:
      { serviceName: agent, forceRedeploy: true } }));
  const first = useData(late.length ? path(organization, 'services', late[0].agent) : null, live.fleet?.tag);
  if (!late.length) return null;
  return html`<${Notice} kind="warning">
      <p>A deploy gives agents the newest values: new instances of ${plural(late.length,
      'agent')} still get an older version.</p>
      <ul class="plain">${late.map((agent) => html`<li key=${agent.agent}>
      <${Button} need="member" busy=${action.busy} onClick=${() => action.run(agent.agent)}>
      Deploy v${set.readyVersion} to ${agent.agent}</${Button}></li>`)}</ul>
    <${Failure} error=${action.error} />${first.data && html`<${Command}>${deployCommand(first.data.body)}</${Command}>`}
    </${Notice}>`;
}

// Agents whose next start gives instances the newest version, and agents that first need a deploy.
function bindings(fleet, name) {
  const follows = (agent) => agent.sets.some((pin) => pin.name === name && pin.follows);
  const bound = boundTo(fleet, name);
  return { follow: bound.filter(follows).map((agent) => agent.agent), pin: bound.filter((agent) =>
      !follows(agent)).map((agent) => agent.agent) };
}

// "bot (3 instances), other-bot (1 instance)": the agents whose instances hold a version of the set now. "": none.
function holdersText(usage) {
  const counts = new Map();
  for (const use of usage.versionUnknown.concat(usage.versions.flatMap((version) => version.agents))) {
    if (use.instances) counts.set(use.agent, (counts.get(use.agent) ?? 0) + use.instances);
  }
  return [...counts].map(([agent, n]) => `${agent} (${plural(n, 'instance')})`).join(', ');
}

const EARLIER = html`<span class="quiet" title="An earlier release of the control plane wrote the value">–</span>`;

function Keys({ set, name, reload, usage }) {
  const { organization, live } = useMe();
  const bound = bindings(live.fleet, name);
  const isKnown = live.fleet && usage;
  const unset = (key) => async () => { await request('DELETE', path(organization, 'secrets', name,
      key)); await reload(); };
  const columns = [
    { title: 'Key', cell: (row) => html`<code class="main-cell"><${Name}>${row.fieldName}</${Name}></code>` },
    { title: 'Written in', cell: (row) => html`<span class="version">v${row.version}</span>` },
    { title: 'When', cell: (row) => (row.writtenAt ? html`<${Time} at=${row.writtenAt} relative />` : EARLIER) },
    { title: 'By', cell: (row) => (row.writtenBy ? html`<${Name}>${row.writtenBy}</${Name}>` : EARLIER) },
    { title: '', kind: 'actions', cell: (row) => html`<${Ask} need="member" label="Unset" about=${row.fieldName}
        disabled=${!isKnown} title=${`Unset ${row.fieldName}?`} verb="Unset the key" work=${unset(row.fieldName)}
      command=${`pipecat cloud secrets unset ${quoted(name)} ${quoted(row.fieldName)}`}>
          <p>The next version of the set does not have it.</p>
          ${isKnown ? html`<ul>${bound.follow.length > 0 && html`<li>Instances of ${bound.follow.join(', ')}
            miss it from their next start on: these agents follow the newest version.</li>`}
          ${bound.pin.length > 0 && html`<li>Instances of ${bound.pin.join(', ')} that start after the next deploy
            miss it.</li>`}
          ${holdersText(usage) && html`<li>Held now by ${holdersText(usage)}, until they end or restart.</li>`}</ul>` :
          html`<p>Looking for its agents: –</p>`}</${Ask}>` },
  ];
  return html`<${Table} label="Keys" columns=${columns} rows=${set.secrets} keyOf=${(row) => row.fieldName}
      text=${(row) => row.fieldName} empty=${html`<p class="quiet">This set has no key. Write one below.</p>`} />`;
}

function Actions({ set, name, reload, usage }) {
  const { organization, live } = useMe();
  const isKnown = live.fleet && usage;
  const bound = boundTo(live.fleet, name).map((agent) => agent.agent);
  const protect = useAction(async () => { await request('PATCH', path(organization, 'secrets', name),
      { body: { protected: !set.protected } }); await reload(); });
  const remove = async () => { await request('DELETE', path(organization, 'secrets', name)); go(organization,
      'sets'); };
  return html`<section class="stack"><h2>Protection and deletion</h2>
      <p class="quiet">${set.protected ? 'Only an admin can give this set to an agent that has not had it.' :
      'Any member can give this set to any agent, and so read it there.'}</p>
    <div class="buttons"><${Button} need="admin" busy=${protect.busy} onClick=${protect.run}>
        ${set.protected ? 'Unprotect' : 'Protect'}</${Button}>
    <${Ask} need="member" kind="danger" label="Delete the set" disabled=${!isKnown} title=${`Delete ${name}?`} verb="Delete the set"
        work=${remove} command=${`pipecat cloud secrets delete ${quoted(name)}`}>${!isKnown ? html`<p>
          Looking for its agents: –</p>` : bound.length ? html`<p>
          It is in use by ${bound.join(', ')}. Deploy them without it first: the control plane refuses to delete it until then.
          </p>` : html`<p>No agent is deployed with it. All its versions are deleted, and cannot be brought back.${
          holdersText(usage) && ` Still held by ${holdersText(usage)}, until they end.`}</p>`}</${Ask}>
          </div>
    <${Failure} error=${protect.error} /><${Command} label="On the host">
        secret-control-plane set ${set.protected ? 'unprotect' : 'protect'} ${quoted(name)}</${Command}></section>`;
}

// A version becomes ready within a second or so: until then look twice a second.
function useUntilReady(data, reload) {
  useEffect(() => {
    if (data?.status !== 'pending') return undefined;
    const timer = setTimeout(reload, 500);
    return () => clearTimeout(timer);
  }, [data]);
}

export function Set({ name }) {
  const { organization, live } = useMe();
  const [writing, setWriting] = useState(0);
  const tag = `${live.fleet?.tag}-${writing}`;
  const set = useData(path(organization, 'secrets', name), tag);
  const usage = useData(path(organization, 'secrets', name, 'usage'), `${live.answers}-${writing}-${set.data?.version}-${
    set.data?.readyVersion}`);
  useUntilReady(set.data, set.reload);
  return html`<div class="view">
      <${Title} parent=${html`<a href=${link(organization, 'sets')}>Secret sets
      </a>`} aside=${set.data && html`<${Status} set=${set.data} /><span class="quiet">
      ${set.data.region} · written <${Time} at=${set.data.updatedAt} relative /></span>`}><${Name}>${name}</${Name}>
      </${Title}>
    <${Loaded} of=${set}>${(data) => html`${data.warning && html`<${Notice} kind="warning">${data.warning}
        </${Notice}>`}<${DeployNew} set=${data} name=${name} />
      <section class="card"><h2>Who holds which version</h2>
          <${Loaded} of=${usage}>${(found) => html`<${Ladder} usage=${found} organization=${organization}
          at=${usage.at} isOld=${live.error ? 'the page is not connected' : usage.error && 'the control plane cannot read it'} />`}
          </${Loaded}><${Command} label="On the host">secret-control-plane set status ${quoted(name)}</${Command}>
          </section>
      <section><h2>Keys</h2><${Keys} set=${data} name=${name} reload=${set.reload}
          usage=${usage.data} /></section>
      <section class="card"><h2>Write keys</h2>
          <${WriteKeys} name=${name} keys=${data.secrets.map((each) => each.fieldName)} written=${() =>
          setWriting(writing + 1)} /></section>
      <${Actions} set=${data} name=${name} reload=${set.reload} usage=${usage.data} />`}</${Loaded}></div>`;
}
