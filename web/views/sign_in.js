// Signing in with a token. Signing in through an identity provider would replace this file alone.
import { useEffect, useRef } from '../vendor/htm-preact.js';
import { ask } from '../lib/session.js';
import { Button, Command, Failure, Field, SECRET_INPUT, html, useAction } from '../lib/ui.js';

// `organization`: the token must reach it. Tries the token before it becomes the session's. The field is emptied once
// the token is accepted.
export function TokenForm({ organization, signedIn }) {
  const input = useRef(null);
  const action = useAction(async () => {
    const token = input.current.value.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('A token is one word, such as pcc_pat_….');
    const { organizations } = await ask(token, 'GET', '/v1/organizations');
    if (organization && !organizations.some((each) => each.name === organization)) {
      throw new Error(`This token does not reach ${organization}.`);
    }
    if (!organizations.length) throw new Error('This token reaches no organization.');
    input.current.value = '';
    signedIn(token, organizations);
  });
  useEffect(() => input.current.focus(), []);
  const submit = (event) => { event.preventDefault(); action.run(); };
  return html`<form onSubmit=${submit} class="stack">
      <${Field} label="Token" hint="It stays in the memory of this page: a reload asks for it again.">
      ${(about) => html`<input
      ref=${input} type="text" class="wide secret" required autofocus ...${SECRET_INPUT}
          ...${about} />`}</${Field}>
    <${Failure} error=${action.error} /><div class="buttons">
        <${Button} type="submit" kind="primary" busy=${action.busy}>${action.busy ? 'Signing in…' : 'Sign in'}
        </${Button}></div></form>`;
}

export const SignIn = ({ signedIn }) => html`<main class="sign-in"><div class="card">
    <h1 tabindex="-1"><img src="/web/icon.svg" alt="" width="40" height="40" />agent-secrets</h1>
  <p>Which agent has which secrets, and which instance runs what.</p><${TokenForm} signedIn=${signedIn} />
  <details><summary>Where do I get a token?</summary><p>From an admin of your organization, on the page <em>Access
      </em>. The first token comes from the host of the control plane:</p>
    <${Command} label="On its host" template>secret-control-plane token create NAME --role viewer</${Command}></details></div>
        </main>`;
