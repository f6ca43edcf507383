// Where the page begins: one store, the effects at its rim, the views on top.
import { Store } from './base/store.js';
import { keepAccount } from './effects/account.js';
import { keepRemembering, rememberedSettings, rememberedWriting, takeWord } from './effects/browser_storage.js';
import { ConnectionKeeper } from './effects/connection_keeper.js';
import { inspectOnDemand } from './effects/inspection.js';
import { followRoute } from './effects/route.js';
import { clockToasts } from './effects/toast_clock.js';
import { transferFiles } from './effects/transfer.js';
import { codeOf } from './net/session.js';
import { routeOf } from './state/address.js';
import { reduce } from './state/reducer.js';
import { fresh, initialState, isProvisional } from './state/state.js';
import { mountPage } from './view/page.js';
import { makeStatus } from './view/status.js';

const joinCode = codeOf(location.hash);
const initial = initialState(rememberedSettings(), matchMedia('(width >= 60rem)').matches);
const { conversation, tab, message } = routeOf(location.hash);
const inspector = tab ? { ...initial.inspector, isOpen: true, tab, message } : initial.inspector;
const writing = rememberedWriting();
const unsent = conversation === fresh ? writing.outbox.find((item) => isProvisional(item.conversation)) : undefined; // what waits is in sight, also after a reload
const store = new Store(Object.freeze({ ...initial, ...writing, current: unsent?.conversation ?? conversation, inspector }), reduce);
const status = makeStatus(store);

keepRemembering(store);
followRoute(store);
clockToasts(store);
inspectOnDemand(store);
transferFiles(store);
keepAccount(store);
const keeper = new ConnectionKeeper(store, `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`);
const connected = keeper.start({}); // the question travels while the page is drawn
mountPage(store, { retryNow: keeper.retryNow, joinCode, status });

store.draw();
keeper.watchBrowser();
const word = takeWord();
if (word) store.dispatch({ type: 'toast_shown', toast: { kind: word } });
void connected;
