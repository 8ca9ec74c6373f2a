// A pasted .env, read as python-dotenv and `secret-injector --env-file` read it:
//
//   KEY=value            to the end of the line, without ` # comment` and without trailing space
//   KEY='value'          with the escapes \\ and \'; may go over several lines
//   KEY="value"          with the escapes \\ \' \" \a \b \f \n \r \t \v; may go over several lines
//   export KEY=value     `export` is passed over
//   'KEY'=value          a key in single quotes
//
// A statement of another form is skipped to the end of its line and reported by its line number,
// because the line may be a part of a value. The last of a repeated key counts.

// White space as Python has it.
const S = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const SPACE = new RegExp(S);
const ESCAPES = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '"': '"', "'": "'", '\\': '\\' };
const KEY = /^[A-Za-z0-9_-]{1,64}$/;

// Without ` # comment` and trailing space. Looks at each character once; a regular expression would try each space
// again.
function withoutComment(line) {
  let end = line.length;
  for (let at = line.indexOf('#', 1); at > 0; at = line.indexOf('#', at + 1)) {
    if (!SPACE.test(line[at - 1])) continue;
    end = at;
    break;
  }
  while (end > 0 && SPACE.test(line[end - 1])) end -= 1;
  return line.slice(0, end);
}

class Reader {
  constructor(text) {
    this.text = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
    this.at = 0;
    this.counted = 0;
    this.lines = 1;
  }
  get done() { return this.at >= this.text.length; }
  sees(c) { return this.text[this.at] === c; }
  // Statements are read in order, so the lines are counted once.
  get line() {
    for (; this.counted < this.at; this.counted += 1) this.lines += this.text[this.counted] === '\n' ? 1 : 0;
    return this.lines;
  }

  skipSpace(withNewlines) {
    const from = this.at;
    while (!this.done && SPACE.test(this.text[this.at]) && (withNewlines || !this.sees('\n'))) this.at += 1;
    return this.at > from;
  }
  restOfLine() {
    const from = this.at;
    const end = this.text.indexOf('\n', from);
    this.at = end < 0 ? this.text.length : end;
    return this.text.slice(from, this.at);
  }
  skipExport() {
    const from = this.at;
    if (!this.text.startsWith('export', from)) return;
    this.at += 6;
    if (!this.skipSpace(false)) this.at = from;
  }
  key() {
    const from = this.at;
    if (this.sees("'")) {
      const close = this.text.indexOf("'", from + 1);
      if (close <= from + 1) return null;
      this.at = close + 1;
      return this.text.slice(from + 1, close);
    }
    while (!this.done && !/[=#]/.test(this.text[this.at]) && !SPACE.test(this.text[this.at])) this.at += 1;
    return this.at > from ? this.text.slice(from, this.at) : null;
  }
  // null: the quotes are not closed.
  quoted() {
    const from = this.at;
    const quote = this.text[from];
    let value = '';
    for (this.at += 1; !this.done && !this.sees(quote); this.at += 1) {
      const c = this.text[this.at];
      if (c !== '\\' || this.at + 1 >= this.text.length) { value += c; continue; }
      const next = this.text[this.at += 1];
      const known = quote === '"' ? next in ESCAPES : next === '\\' || next === "'";
      value += known ? ESCAPES[next] : '\\' + next;
    }
    if (this.done) {
      this.at = from;
      return null;
    }
    this.at += 1;
    return value;
  }
  value() {
    const spaced = this.skipSpace(false);
    if (this.done || this.sees('\n') || (spaced && this.sees('#'))) return '';
    if (this.sees("'") || this.sees('"')) return this.quoted();
    return withoutComment(this.restOfLine());
  }
  // {key, value}, null for a statement of another form, or undefined for a comment.
  statement() {
    this.skipExport();
    let found;
    if (!this.sees('#')) {
      const key = this.key();
      if (key === null) return null;
      this.skipSpace(false);
      if (this.sees('=')) {
        this.at += 1;
        const value = this.value();
        if (value === null) return null;
        found = { key, value };
      } else {
        found = { key, value: null };
      }
    }
    this.skipSpace(false);
    if (this.sees('#')) this.restOfLine();
    return this.done || this.sees('\n') ? found : null;
  }
}

function problemOf(key, value) {
  if (!KEY.test(key)) return 'a key has letters, digits, _ and -, at most 64';
  if (value === null) return 'no value';
  if (value === '') return 'the value is empty';
  return value.includes('\0') ? 'the value has a NUL' : '';
}

// {pairs: [{key, value}], problems: [{line, text}]}; problems name lines, never content.
export function parseEnvFile(text) {
  const reader = new Reader(text);
  const pairs = new Map();
  const problems = [];
  for (;;) {
    reader.skipSpace(true);
    if (reader.done) break;
    const line = reader.line;
    const found = reader.statement();
    if (found === null) {
      reader.restOfLine();
      problems.push({ line, text: 'not KEY=value' });
      continue;
    }
    if (!found) continue;
    const problem = problemOf(found.key, found.value);
    pairs.delete(found.key);
    if (problem) problems.push({ line, text: problem });
    else pairs.set(found.key, found.value);
  }
  return { pairs: [...pairs].map(([key, value]) => ({ key, value })), problems };
}
