// The inspector's questions: GET /api/v1/inspect/… and /api/v1/model…, only for what is looked at, and each only once.
import { inspectedIn, offers } from '../state/select.js';
import { isLive } from '../state/reply.js';

/** @typedef {import('../base/store.js').Store} Store */
/** @typedef {import('../state/state.js').State} State */

const candidatesShown = 64;
const askAgainMs = 600;
const triesMax = 5;

/** What fails for a moment (a network that blinks, a server that is busy) is asked again. @param {string} path @returns {Promise<{status: number, body: any}>} */
async function get(path, tries = 1) {
  const answer = await getOnce(path);
  if (tries === triesMax || ![0, 429, 503].includes(answer.status)) return answer;
  await new Promise((resolve) => setTimeout(resolve, askAgainMs * 2 ** tries));
  return get(path, tries + 1);
}

/** @param {string} path @returns {Promise<{status: number, body: any}>} status 0: no answer */
async function getOnce(path) {
  try {
    const answer = await fetch(`/api/v1/${path}`, { cache: 'no-store', headers: { accept: 'application/json' } });
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    return { status: isJson ? answer.status : 404, body: isJson ? await answer.json() : { code: 'route_missing' } };
  } catch {
    return { status: 0, body: undefined };
  }
}

/** A route that is not there answers without a problem document that says `not_found` for the thing. @param {{status: number, body: any}} answer */
const isMissing = ({ status, body }) => status === 405 || (status === 404 && body?.code !== 'not_found');

/** Tokens are missing, or their candidates, which are kept. @param {import('../state/state.js').Trace | undefined} trace @param {import('../state/state.js').Reply} reply */
const isTraceWanted = (trace, reply) =>
  reply.have > 0 && trace?.phase !== 'asking' && (!trace || trace.tokens.length < reply.have || (trace.sheet?.inspect === true && !trace.tokens[0]?.candidates));

/** @param {Store} store */
export function inspectOnDemand(store) {
  const { dispatch } = store;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  /** @type {Set<string>} */
  const asked = new Set();

  /** @param {string} path @param {string} feature */
  const ask = async (path, feature) => {
    const answer = await get(path);
    if (isMissing(answer)) dispatch({ type: 'feature_missing', feature });
    return answer.status === 200 ? answer.body : undefined;
  };

  /** All pages, from where the tokens end that are there. @param {string} message @param {number} candidates */
  const readTrace = async (message, candidates) => {
    dispatch({ type: 'trace_asked', message });
    for (let from = 0; ; ) {
      const page = await ask(`inspect/${message}?from=${from}&to=${from + 256}&candidates=${candidates}`, 'inspect');
      dispatch({ type: 'trace_read', message, page });
      const next = page?.next ?? (page && page.tokens.length === 256 ? from + 256 : undefined);
      if (!page || next === undefined || next <= from || next >= page.traced) return;
      from = next;
    }
  };
  const readPrompt = async (/** @type {string} */ message) => {
    dispatch({ type: 'prompt_asked', message });
    dispatch({ type: 'prompt_read', message, page: await ask(`inspect/${message}/prompt?from=0&to=4096`, 'inspect') });
  };
  const readModel = async () => {
    dispatch({ type: 'model_asked' });
    dispatch({ type: 'model_read', sheet: await ask('model', 'model') });
  };
  const readTensor = async (/** @type {string} */ name) => {
    dispatch({ type: 'tensor_asked', name });
    dispatch({ type: 'tensor_read', name, window: await ask(`model/tensors/${encodeURIComponent(name)}?row=0&rows=12&column=0&columns=40`, 'tensors') });
  };

  /** What the open tab needs and nobody asked for yet. @param {State} state */
  const follow = (state) => {
    const { inspector } = state;
    if (!inspector.isOpen) return;
    const message = inspectedIn(state);
    if (inspector.tab === 'model') {
      if (state.modelSeen.phase === 'none' && offers(state, 'model')) void readModel();
      if (inspector.tensor && state.tensorSeen?.name !== inspector.tensor) void readTensor(inspector.tensor);
      return;
    }
    if (!message?.reply || !offers(state, 'inspect')) return;
    if (isTraceWanted(state.traces[message.id], message.reply)) {
      // The same state of a reply is asked for once; a running one is looked at again after a while.
      const key = `${message.id} ${message.reply.have} ${message.reply.phase}`;
      if (asked.has(key)) return;
      clearTimeout(again);
      again = setTimeout(() => {
        asked.add(key);
        void readTrace(message.id, candidatesShown);
      }, message.reply.phase === 'running' ? askAgainMs : 0);
    }
    const isSettled = !isLive(message.reply) || message.reply.phase === 'paused';
    if ((inspector.tab === 'prompt' || inspector.tab === 'step') && !state.prompts[message.id] && isSettled) void readPrompt(message.id);
  };

  store.addEffect((action, after, before) => {
    if (action.type === 'trace_wanted' && !after.traces[action.message] && offers(after, 'inspect')) void readTrace(action.message, 0);
    const isOther = after.inspector !== before.inspector || after.trees !== before.trees || after.traces !== before.traces;
    if (isOther && after.inspector.isOpen) queueMicrotask(() => follow(store.state));
  });
}
