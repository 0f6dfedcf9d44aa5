/**
 * Events are made by the thousand and let go at once. V8 would learn from pages that outlive a collection to make such objects among
 * what stays, where they pile up until a full collection: a rebuild took half as long again for it, and twice the memory.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-allocation-site-pretenuring');
// After a quiet while V8 would begin again with a small young generation, and promote what a burst of calls makes and drops: it keeps the size it works with.
setFlagsFromString('--min-semi-space-size=16');
