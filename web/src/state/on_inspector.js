// The inspector: which reply and token it shows, what was moved, and what the server told of them.

/** @typedef {import('./actions.js').Action} Action */
/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Trace} Trace */

const tracesKept = 24; // of many tokens each: the ones looked at last

/** @param {State} state @param {Action} action @returns {State | undefined} */
export function onInspector(state, action) {
  const inspector = (/** @type {Partial<State['inspector']>} */ change) => ({ ...state, inspector: { ...state.inspector, ...change } });
  switch (action.type) {
    case 'inspector_opened':
      return inspector(opened(state.inspector, action));
    case 'inspector_closed':
      return inspector({ isOpen: false, whatIf: {} });
    case 'token_selected':
      return inspector({ token: Math.max(0, action.token), candidate: -1 });
    case 'candidate_selected':
      return inspector({ candidate: action.candidate });
    case 'what_if_moved':
      return inspector({ whatIf: action.whatIf });
    case 'tensor_opened':
      return inspector({ tensor: action.name });
    case 'trace_wanted':
      return state; // effects only
    case 'trace_asked':
      return { ...state, traces: keepNewest({ ...state.traces, [action.message]: { ...(state.traces[action.message] ?? { tokens: [] }), phase: 'asking' } }, action.message) };
    case 'trace_read':
      return fillTokens({ ...state, traces: { ...state.traces, [action.message]: readTrace(state.traces[action.message], action.page) } }, action.message);
    case 'prompt_asked':
      return { ...state, prompts: { ...state.prompts, [action.message]: { phase: 'asking' } } };
    case 'prompt_read':
      return { ...state, prompts: { ...state.prompts, [action.message]: { phase: action.page ? 'there' : 'failed', page: action.page } } };
    case 'model_asked':
      return { ...state, modelSeen: { phase: 'asking' } };
    case 'model_read':
      return { ...state, modelSeen: { phase: action.sheet ? 'there' : 'failed', sheet: action.sheet } };
    case 'tensor_asked':
      return { ...state, tensorSeen: { phase: 'asking', name: action.name } };
    case 'tensor_read':
      return state.tensorSeen?.name === action.name ? { ...state, tensorSeen: { phase: action.window ? 'there' : 'failed', name: action.name, window: action.window } } : state;
    default:
      return undefined;
  }
}

/** @param {State['inspector']} before @param {Extract<Action, {type: 'inspector_opened'}>} action @returns {Partial<State['inspector']>} */
function opened(before, { tab, message, token }) {
  const isOther = message !== undefined && message !== before.message;
  return {
    isOpen: true,
    tab: tab ?? before.tab,
    message: message === undefined ? before.message : message,
    token: token ?? (isOther ? 0 : before.token),
    candidate: -1,
    whatIf: isOther ? {} : before.whatIf,
  };
}

/** Pages come in order; one that begins where the tokens end is added, one from the start begins anew. @param {Trace | undefined} before @param {import('../wire.js').TracePage | undefined} page @returns {Trace} */
function readTrace(before, page) {
  if (!page) return { phase: 'failed', tokens: before?.tokens ?? [], sheet: before?.sheet };
  const held = before?.tokens ?? [];
  const tokens = page.from === 0 ? page.tokens : page.from === held.length ? [...held, ...page.tokens] : held;
  return { phase: 'there', sheet: page, tokens };
}

/** @param {Record<string, Trace>} traces @param {string} newest @returns {Record<string, Trace>} */
function keepNewest(traces, newest) {
  const ids = Object.keys(traces);
  if (ids.length <= tracesKept) return traces;
  const { [/** @type {string} */ (ids.find((id) => id !== newest))]: _, ...kept } = traces;
  return kept;
}

/** A reply that was told to another page has its text here and not its tokens: their numbers come with the trace. @param {State} state @param {string} message @returns {State} */
function fillTokens(state, message) {
  const tree = state.trees[state.current];
  const reply = tree?.messages[message]?.reply;
  const { tokens } = state.traces[message];
  if (!reply || reply.phase !== 'done' || reply.lp.length > 0 || reply.have === 0 || tokens.length !== reply.have) return state;
  const filled = { ...tree.messages[message], reply: { ...reply, lp: tokens.map(({ lp }) => lp), bytes: tokens.map(({ bytes }) => bytes) } };
  return { ...state, trees: { ...state.trees, [state.current]: { ...tree, messages: { ...tree.messages, [message]: filled } } } };
}
