// Splits growing Markdown into its top-level blocks. A block that is closed never changes again, so the page draws it once.
//
// The last line may still turn into something else ("*" becomes emphasis or a list item), so only complete lines close a block,
// and the last block stays open: a list goes on after a blank line, a paragraph becomes a heading when "===" follows.

/** An open block of code: what would close it, and where its code begins. @typedef {{readonly mark: string, readonly language: string, readonly from: number}} Fence */
/** @typedef {{readonly closed: readonly string[], readonly tail: string, readonly fence: Fence | undefined}} Blocks */

/** @type {Blocks} */
export const noBlocks = Object.freeze({ closed: Object.freeze([]), tail: '', fence: undefined });

/**
 * @param {Blocks} blocks @param {string} text what came after the text seen so far
 * @param {(text: string) => number[]} startsOf the first lines of the top-level blocks
 * @returns {Blocks}
 */
export function appendText(blocks, text, startsOf) {
  const tail = blocks.tail + text;
  // In an open fence nothing counts but its end: however long the code is, only the lines that are new are looked at.
  if (blocks.fence && !closes(tail.slice(blocks.tail.lastIndexOf('\n') + 1), blocks.fence.mark)) return { closed: blocks.closed, tail, fence: blocks.fence };
  if (!text.includes('\n')) return { closed: blocks.closed, tail, fence: openFence(tail) };
  const complete = tail.slice(0, tail.lastIndexOf('\n') + 1);
  const starts = startsOf(complete);
  if (starts.length < 2) return { closed: blocks.closed, tail, fence: openFence(tail) };
  const lines = offsetsOfLines(complete);
  const edges = starts.map((line) => lines[line]);
  const closed = edges.slice(0, -1).map((from, i) => complete.slice(i === 0 ? 0 : from, edges[i + 1]));
  const rest = tail.slice(edges[edges.length - 1]);
  return { closed: [...blocks.closed, ...closed], tail: rest, fence: openFence(rest) };
}

/** @param {string} lines @param {string} mark */
const closes = (lines, mark) => new RegExp(`^ {0,3}${mark[0]}{${mark.length},}[ \\t]*$`, 'm').test(lines);

/** The block is a fence that nobody closed yet. @param {string} text @returns {Fence | undefined} */
export function openFence(text) {
  const start = /^ {0,3}(`{3,}|~{3,})([^\n]*)\n/.exec(text);
  if (!start || (start[1][0] === '`' && start[2].includes('`'))) return undefined;
  const [{ length: from }, mark, info] = start;
  return closes(text.slice(from), mark) ? undefined : { mark, language: info.trim().split(/\s+/)[0] ?? '', from };
}

/** @param {string} text */
function offsetsOfLines(text) {
  const offsets = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) offsets.push(at + 1);
  return offsets;
}
