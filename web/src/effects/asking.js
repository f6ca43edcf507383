// What is asked while the person writes: the cost of the message, and the conversations that a search finds. The newest question counts.
import { randomId } from '../base/random_id.js';
import { chatOf, currentTree, offers, paramsOf } from '../state/select.js';
import { isProvisional } from '../state/state.js';

/** @typedef {import('../base/store.js').Store} Store */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('./server_link.js').ServerLink} ServerLink */

const measureAfterMs = 300;
const searchAfterMs = 200;

/** What the meter shows depends on these alone. @param {State} state */
const measured = (state) => [state.current, state.drafts[state.current] ?? '', state.editing, currentTree(state)?.head, chatOf(state), state.connection.phase, state.streams, state.missing];

/** @param {State} state */
function measureOf(state) {
  const tree = currentTree(state);
  const edited = state.editing ? tree?.messages[state.editing] : undefined;
  const content = state.drafts[state.current] ?? '';
  return {
    type: /** @type {const} */ ('context.measure'),
    id: randomId(),
    content,
    system: chatOf(state).system.trim(),
    params: paramsOf(state),
    ...(isProvisional(state.current) ? {} : { conversation: state.current, parent: edited ? edited.parent : (tree?.head ?? null) }),
  };
}

/** @param {Store} store @param {ServerLink} link */
export function askWhileWriting(store, link) {
  const { dispatch } = store;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let measuring;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let searching;

  const measure = () => {
    const { state } = store;
    const tree = currentTree(state);
    // While a reply is written the next message has no parent yet.
    const isLive = Object.values(state.streams).includes(state.current);
    if (state.connection.phase !== 'ready' || isLive || !offers(state, 'context.measure') || (tree && tree.loaded !== 'yes')) return;
    const { current } = state;
    const draft = state.drafts[current] ?? '';
    link.measure(measureOf(state), (answer) => dispatch({ type: 'context_measured', conversation: current, draft, measure: answer }));
  };
  const search = () => {
    const query = store.state.search.query.trim();
    if (!query || !offers(store.state, 'history.search')) return;
    dispatch({ type: 'search_asked', query });
    link.search(query, (page) => dispatch({ type: 'search_answered', query, page }));
  };

  store.addEffect((action, after, before) => {
    const [now, then] = [measured(after), measured(before)];
    if (now.some((each, i) => each !== then[i])) {
      clearTimeout(measuring);
      measuring = setTimeout(measure, measureAfterMs);
    }
    if (action.type === 'search_changed') {
      clearTimeout(searching);
      searching = setTimeout(search, searchAfterMs);
    }
  });
}
