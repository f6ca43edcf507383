// Which fences are coloured, and what their languages are called. Known before the highlighter itself is there.

/** @type {Record<string, [language: string, name: string]>} */
const known = {
  bash: ['bash', 'Bash'], sh: ['bash', 'Bash'], shell: ['bash', 'Shell'], zsh: ['bash', 'Bash'], c: ['c', 'C'], h: ['c', 'C'],
  cpp: ['cpp', 'C++'], 'c++': ['cpp', 'C++'], cc: ['cpp', 'C++'], hpp: ['cpp', 'C++'], css: ['css', 'CSS'], diff: ['diff', 'Diff'], patch: ['diff', 'Diff'],
  go: ['go', 'Go'], golang: ['go', 'Go'], java: ['java', 'Java'], javascript: ['javascript', 'JavaScript'], js: ['javascript', 'JavaScript'],
  mjs: ['javascript', 'JavaScript'], jsx: ['javascript', 'JavaScript'], json: ['json', 'JSON'], python: ['python', 'Python'], py: ['python', 'Python'],
  ruby: ['ruby', 'Ruby'], rb: ['ruby', 'Ruby'], rust: ['rust', 'Rust'], rs: ['rust', 'Rust'], sql: ['sql', 'SQL'], typescript: ['typescript', 'TypeScript'],
  ts: ['typescript', 'TypeScript'], tsx: ['typescript', 'TypeScript'], html: ['xml', 'HTML'], xml: ['xml', 'XML'], svg: ['xml', 'XML'],
  yaml: ['yaml', 'YAML'], yml: ['yaml', 'YAML'],
};

/** The highlighter's language, or undefined: shown plain. @param {string} fence */
export const languageOf = (fence) => (Object.hasOwn(known, fence.toLowerCase()) ? known[fence.toLowerCase()][0] : undefined);

/** For people. @param {string} fence */
export const languageName = (fence) => (Object.hasOwn(known, fence.toLowerCase()) ? known[fence.toLowerCase()][1] : fence);
