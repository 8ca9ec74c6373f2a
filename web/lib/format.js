// Numbers, sizes and times for people. Times are in the viewer's zone; the title has UTC.

const numbers = new Intl.NumberFormat();
export const number = (n) => numbers.format(n);
export const plural = (n, one, many = one + 's') => `${number(n)} ${n === 1 ? one : many}`;

export const bytes = (n) => (n < 1024 ? plural(n, 'byte') : `${(n / 1024).toFixed(1)} KiB`);
export const sizeOf = (text) => new TextEncoder().encode(text).length;

const STEPS = [[60, 'second'], [60, 'minute'], [24, 'hour'], [30, 'day'], [12, 'month'], [Infinity, 'year']];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

// "3 hours ago", "in 2 days".
export function age(time, now = Date.now()) {
  let distance = (new Date(time).getTime() - now) / 1000;
  if (Math.abs(distance) < 5) return 'just now';
  for (const [size, unit] of STEPS) {
    if (Math.abs(distance) < size) return relative.format(Math.trunc(distance), unit);
    distance /= size;
  }
  return '';
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

// With seconds: the time at which an answer was read.
const precise = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
export const second = (time) => precise.format(new Date(time));

// The time alone today, else with the date.
export function moment(time) {
  const date = new Date(time);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

export const local = (time) => day.format(new Date(time));
export const utc = (time) => new Date(time).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC');

// The command with which the official CLI deploys the agent. The CLI requires --credentials or --no-credentials, and
// sets the least number of instances to 0 without --min-agents. `service`: the answer of GET …/services/AGENT.
export function deployCommand(service, { image, least, most, force = true } = {}) {
  const { spec } = service.deployment.manifest;
  const pull = spec.imagePullSecretName ? `--credentials ${quoted(spec.imagePullSecretName)}` : '--no-credentials';
  const { minReplicas, maxReplicas } = service.autoScaling;
  const top = most ?? maxReplicas;
  return `pipecat cloud deploy ${quoted(service.name)} ${quoted(image || spec.image)} ${pull} --min-agents ${
    least ?? minReplicas}${top > 0 ? ` --max-agents ${top}` : ''}${force ? ' --force' : ''}`;
}

// A word of a shell command, in quotes if it has other characters. Only names of an attacker have such characters.
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`);
