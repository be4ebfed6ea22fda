// Preloaded into a program under test (`node --import`): what it sleeps between attempts passes 50 times faster. Sockets,
// time-outs and the clock itself keep their pace.
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

const SPEED = 50;
const { setTimeout: sleep } = timers;

timers.setTimeout = (milliseconds, value, options) => sleep((milliseconds ?? 0) / SPEED, value, options);
syncBuiltinESMExports();
