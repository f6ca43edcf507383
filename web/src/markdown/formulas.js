// $…$, $$…$$, \(…\) and \[…\] as markdown-it rules. They only mark the place (data-math); KaTeX fills it after the sanitiser.
// A formula holds no blank line. One that is not closed is plain text, so nothing jumps while it is written.

/** @typedef {import('markdown-it').default} MarkdownIt */
/** @typedef {import('markdown-it').RendererRule} RendererRule */

const blockMarks = /** @type {const} */ ([['$$', '$$'], ['\\[', '\\]']]);

/**
 * Where the formula that opens at `from` ends: the index of its closing mark, or -1.
 * @param {string} text @param {number} from behind the opening mark @param {string} close
 */
function closingAt(text, from, close) {
  for (let at = from; at < text.length; at++) {
    if (text.startsWith(close, at)) return at;
    if (text[at] === '\\') at++;
    else if (text[at] === '\n' && /^[ \t]*\n/.test(text.slice(at + 1, at + 200))) return -1;
  }
  return -1;
}

/** @param {import('markdown-it/lib/rules_inline/state_inline.mjs').default} state @param {boolean} silent */
function inlineRule(state, silent) {
  const { src, pos } = state;
  if (src[pos] === '\\' && (src[pos + 1] === '(' || src[pos + 1] === '[')) {
    const isBlock = src[pos + 1] === '[';
    return take(state, silent, { open: pos + 2, close: isBlock ? '\\]' : '\\)', display: isBlock });
  }
  if (src[pos] !== '$') return false;
  if (src[pos + 1] === '$') return take(state, silent, { open: pos + 2, close: '$$', display: true });
  // Money is no formula: no blank behind the opening sign, none before the closing one, no digit behind it.
  if (/\s/.test(src[pos + 1] ?? ' ')) return false;
  const end = closingAt(src, pos + 1, '$');
  if (end <= pos + 1 || /\s/.test(src[end - 1]) || /\d/.test(src[end + 1] ?? '')) return false;
  return take(state, silent, { open: pos + 1, close: '$', display: false });
}

/** @param {import('markdown-it/lib/rules_inline/state_inline.mjs').default} state @param {boolean} silent @param {{open: number, close: string, display: boolean}} mark */
function take(state, silent, { open, close, display }) {
  const end = closingAt(state.src, open, close);
  if (end === -1 || end >= state.posMax + 1 || !state.src.slice(open, end).trim()) return false;
  if (!silent) {
    const token = state.push('formula', 'span', 0);
    token.content = state.src.slice(open, end).trim();
    token.info = display ? 'block' : 'inline';
  }
  state.pos = end + close.length;
  return true;
}

/** @type {import('markdown-it/lib/parser_block.mjs').RuleBlock} */
function blockRule(state, startLine, endLine, silent) {
  const start = state.bMarks[startLine] + state.tShift[startLine];
  if (state.sCount[startLine] - state.blkIndent >= 4) return false;
  const mark = blockMarks.find(([open]) => state.src.startsWith(open, start));
  if (!mark) return false;
  const [open, close] = mark;
  const lines = [];
  let isClosed = false;
  let line = startLine;
  for (; line < endLine && !isClosed; line++) {
    let text = line === startLine ? state.src.slice(start + open.length, state.eMarks[line]) : state.getLines(line, line + 1, state.blkIndent, false);
    if (line > startLine && state.isEmpty(line)) break;
    const end = closingAt(text, 0, close);
    if (end !== -1) {
      if (text.slice(end + close.length).trim()) return false; // more words behind it: the inline rule takes it
      text = text.slice(0, end);
      isClosed = true;
    }
    lines.push(text);
  }
  // Only while the text is split into blocks does an open formula hold its lines together: the rest may come.
  const isOpenAtEnd = !isClosed && line >= endLine && /** @type {{isSplitting?: boolean}} */ (state.env).isSplitting === true;
  const content = lines.join('\n').trim();
  if (!isOpenAtEnd && (!isClosed || content === '')) return false;
  if (silent) return true;
  state.line = line;
  const token = state.push('formula_block', 'p', 0);
  token.content = content;
  token.map = [startLine, line];
  return true;
}

/** @param {MarkdownIt} markdown */
export function addFormulas(markdown) {
  markdown.inline.ruler.before('escape', 'formula', inlineRule);
  markdown.block.ruler.before('fence', 'formula_block', blockRule); // no alt: within a paragraph the inline rule takes it
  const { escapeHtml } = markdown.utils;
  /** @type {RendererRule} */
  const inline = (tokens, index) => `<span data-math="${tokens[index].info}">${escapeHtml(tokens[index].content)}</span>`;
  markdown.renderer.rules.formula = inline;
  /** @type {RendererRule} */
  const block = (tokens, index) => `<p><span data-math="block">${escapeHtml(tokens[index].content)}</span></p>\n`;
  markdown.renderer.rules.formula_block = block;
}
