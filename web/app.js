// The shell: signing in, the navigation, and the view of the address.
import { render, useEffect, useMemo, useState } from './vendor/htm-preact.js';
import { useLive } from './lib/live.js';
import { go, link, useAddress } from './lib/router.js';
import { session } from './lib/session.js';
import { Badge, Button, Dialog, Me, Name, html, mayAct } from './lib/ui.js';
import { SignIn, TokenForm } from './views/sign_in.js';
import { Fleet } from './views/fleet.js';
import { Sets } from './views/sets.js';
import { Set } from './views/set.js';
import { Agents } from './views/agents.js';
import { Agent } from './views/agent.js';
import { Access } from './views/access.js';
import { Audit } from './views/audit.js';
import { Settings } from './views/settings.js';

const VIEWS = [
  { name: 'fleet', title: 'Fleet', view: Fleet },
  { name: 'sets', title: 'Secret sets', view: Sets, one: Set },
  { name: 'agents', title: 'Agents', view: Agents, one: Agent },
  { name: 'access', title: 'Access', view: Access },
  { name: 'audit', title: 'Audit', view: Audit, need: 'admin' },
  { name: 'settings', title: 'Settings', view: Settings },
];

// After the visitor leaves the page, the browser may keep it with the token, and show it again.
addEventListener('pageshow', (event) => { if (event.persisted) leave(); });

// Signs out. The title and the address keep no names of the organization.
function leave() {
  session.signOut();
  document.title = 'agent-secrets';
  history.replaceState(null, '', location.pathname);
}

function useSession() {
  const [, redraw] = useState(0);
  useEffect(() => session.subscribe(() => redraw((n) => n + 1)), []);
}

const Live = ({ live }) => {
  const state = live.error ? 'off' : live.fleet ? 'on' : 'wait';
  const text = { on: 'Live', off: 'Not connected', wait: 'Connecting…' }[state];
  return html`<span class=${`live ${state}`} role="status" title=${live.error ? live.error.message :
      'Changes appear by themselves'}>${text}</span>`;
};

function Organizations({ all, organization }) {
  if (all.length === 1) return html`<span class="organization"><${Name}>${all[0].verboseName}</${Name}></span>`;
  const change = (event) => go(event.target.value, 'fleet');
  return html`<select class="organization" aria-label="Organization" value=${organization.name} onChange=${change}>
      ${all.map((each) => html`<option
    key=${each.name} value=${each.name} selected=${each.name === organization.name}>${each.verboseName}</option>`)}
        </select>`;
}

const Top = ({ all, me, view, signOut }) => html`<header class="top">
    <a class="skip" href="#main" onClick=${(event) => {
  event.preventDefault();
  document.querySelector('main h1')?.focus();
}}>Skip to the content</a>
  <div class="who"><a class="brand" href=${link(me.organization, 'fleet')}>
      <img src="/web/icon.svg" alt="" width="24" height="24" /><span class="brand-name">agent-secrets</span></a>
    <${Organizations} all=${all} organization=${{ name: me.organization }} /><${Badge} kind="role">${me.role}
        </${Badge}><span class="grow"></span><${Live} live=${me.live} />
    <${Button} onClick=${signOut}>Sign out</${Button}></div>
  <nav aria-label="Views"><ul>
      ${VIEWS.map((each) => html`<li key=${each.name}>${!each.need || mayAct(me.role, each.need)
    ? html`<a href=${link(me.organization, each.name)} aria-current=${each.name === view.name ? 'page' : null}>
        ${each.title}</a>`
    : html`<span class="denied" title=${`Needs the role ${each.need}; yours is ${me.role}.`}>${each.title}
        <span class="needs">needs ${each.need}</span></span>`}</li>`)}</ul></nav></header>`;

// Asks for another token when the server no longer accepts this one. The view stays, and its requests wait.
const Renewal = ({ organization, begin }) => html`<${Dialog} title="Sign in again"><p>
    The control plane no longer accepts your token: it has expired or was revoked. Nothing that you have typed is lost.
    </p>
  <${TokenForm} organization=${organization} signedIn=${begin} /><p>
      <${Button} kind="link" onClick=${leave}>Sign out, and lose what is not yet sent</${Button}>
      </p></${Dialog}>`;

function Signed({ organizations, begin, signOut }) {
  const [name, wanted, ...rest] = useAddress();
  const organization = organizations.find((each) => each.name === name);
  useEffect(() => {
    if (!organization || !wanted) go((organization ?? organizations[0]).name, 'fleet');
  }, [name, wanted]);
  const live = useLive(organization?.name);
  const view = VIEWS.find((each) => each.name === wanted) ?? VIEWS[0];
  const me = useMemo(() => ({ organization: organization?.name, role: organization?.role, live }), [organization,
      live]);
  const Shown = rest.length && view.one ? view.one : view.view;
  useEffect(() => {
    document.title = [rest[0], view.title, organization?.verboseName, 'agent-secrets'].filter(Boolean).join(' · ');
  });
  useEffect(() => document.querySelector('main h1')?.focus({ preventScroll: true }), []);
  if (!organization) return null;
  return html`<${Me.Provider} value=${me}><div>
      <${Top} all=${organizations} me=${me} view=${view} signOut=${signOut} />
    <main id="main"><${Shown} key=${[organization.name, view.name, ...rest].join('/')} name=${rest[0]}
        part=${rest[1]} /></main>
    ${session.isExpired && html`<${Renewal} organization=${organization.name} begin=${begin} />`}</div></${Me.Provider}>`;
}

function App() {
  useSession();
  const [organizations, setOrganizations] = useState(null);
  const signOut = () => {
    setOrganizations(null);
    leave();
  };
  const begin = (token, reached) => {
    setOrganizations(reached);
    session.signIn(token);
  };
  if (!session.isSignedIn || !organizations) return html`<${SignIn} signedIn=${begin} />`;
  return html`<${Signed} organizations=${organizations} begin=${begin} signOut=${signOut} />`;
}

render(html`<${App} />`, document.getElementById('app'));
