// What the runner starts, for both phases of the action.
import { isPostPhase } from './action/state.ts';
import { main } from './main.ts';
import { post } from './post.ts';
import { limitYoungGeneration } from './workers/heap.ts';

limitYoungGeneration();

await (isPostPhase() ? post() : main());
// The cache library cannot be stopped; a transfer past its deadline must not keep the job waiting.
process.exit();
