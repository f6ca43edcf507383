// A model that thinks before it answers: a tiny Qwen3 of random weights whose template opens the thoughts.
import {cpSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {golden, temporaryFolder} from './server.js';

const template = "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}{{ 'assistant: ' }}"
  + "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% else %}{{ '<think>\\n' }}{% endif %}";

const change = (file, changes) => writeFileSync(file, JSON.stringify({...JSON.parse(readFileSync(file, 'utf8')), ...changes}));

/**
 * The golden model with another last line of its template, and room for so many tokens.
 * @param {import('node:test').TestContext} t @param {{context?: number}} [options] @returns {string} its folder
 */
export const thinker = (t, {context} = {}) => {
  const folder = path.join(temporaryFolder(t), 'thinker');
  cpSync(golden('qwen3'), folder, {recursive: true});
  change(path.join(folder, 'tokenizer_config.json'), {chat_template: template});
  if (context) change(path.join(folder, 'config.json'), {max_position_embeddings: context});
  return folder;
};
