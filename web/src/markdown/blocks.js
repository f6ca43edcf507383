// Splits growing Markdown into its top-level blocks. A block that is closed never changes again, so the page draws it once.
//
// The last line may still turn into something else ("*" becomes emphasis or a list item), so only complete lines close a block,
// and the last block stays open: a list goes on after a blank line, a paragraph becomes a heading when "===" follows.

/** @typedef {{readonly closed: readonly string[], readonly tail: string}} Blocks */

/** @type {Blocks} */
export const noBlocks = Object.freeze({ closed: Object.freeze([]), tail: '' });

/**
 * @param {Blocks} blocks @param {string} text what came after the text seen so far
 * @param {(text: string) => number[]} startsOf the first lines of the top-level blocks
 * @returns {Blocks}
 */
export function appendText(blocks, text, startsOf) {
  const tail = blocks.tail + text;
  if (!text.includes('\n')) return { closed: blocks.closed, tail };
  const complete = tail.slice(0, tail.lastIndexOf('\n') + 1);
  const starts = startsOf(complete);
  if (starts.length < 2) return { closed: blocks.closed, tail };
  const lines = offsetsOfLines(complete);
  const edges = starts.map((line) => lines[line]);
  const closed = edges.slice(0, -1).map((from, i) => complete.slice(i === 0 ? 0 : from, edges[i + 1]));
  return { closed: [...blocks.closed, ...closed], tail: tail.slice(edges[edges.length - 1]) };
}

/** @param {string} text */
function offsetsOfLines(text) {
  const offsets = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) offsets.push(at + 1);
  return offsets;
}
