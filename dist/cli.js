#!/usr/bin/env node
// Built by scripts/build.ts. Written so that any Node with ES modules can run it far enough to say what is wrong.
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('oci-pull needs Node 24 or later; this is Node ' + process.versions.node);
  process.exitCode = 2;
} else {
  import('./cli.bundle.js');
}
