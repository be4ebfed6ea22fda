// Door of the root process that unpacks where this user may not make files of others. Only sudo starts it; see elevate/.
import { invokingUser } from './elevate/invoking-user.ts';
import { serveAsRoot } from './elevate/serve.ts';
import { unpackHere } from './pull/unpack-here.ts';
import { limitYoungGeneration } from './workers/heap.ts';

limitYoungGeneration();

const user = invokingUser(process.env);
if (user === undefined) {
  process.stderr.write('this program is started by oci-pull, through sudo, and for nothing else\n');
  process.exit(1);
}
await serveAsRoot(unpackHere, user, { input: process.stdin, output: process.stdout });
process.exit();
