// A conversation as Markdown: what stands on the page, in the branch that is shown.
import { textOf } from './reply.js';

/** @typedef {import('./state.js').Message} Message */

/** @param {string} text */
const quoted = (text) => text.split('\n').map((line) => `> ${line}`.trimEnd()).join('\n');

/** @param {string} title @param {readonly Message[]} path @returns {string} */
export function markdownOf(title, path) {
  const parts = path.filter(({ role }) => role !== 'system').map(({ content, reply }) => {
    if (!reply) return quoted(content);
    const thought = textOf(reply, 'reasoning');
    return (thought ? `<details>\n\n${thought}\n\n</details>\n\n` : '') + textOf(reply, 'answer');
  });
  return [`# ${title || 'Hearth'}`, ...parts].join('\n\n').replace(/\n{3,}/g, '\n\n').trimEnd() + '\n';
}
