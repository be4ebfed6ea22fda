// A process of its own that seals one pack of the texts it is given: store directory, then texts. Prints the key.
import { ChunkStore } from '../../src/store/store.ts';
import { addPack } from './store-samples.ts';

const [directory = '', ...texts] = process.argv.slice(2);
const store = await ChunkStore.open(directory, true);
process.stdout.write((await addPack(store, texts)).key);
