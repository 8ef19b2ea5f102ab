// node-resque at work beside us: node peer.mjs PORT LEDGER CLASS QUEUES LABELS, the last two as
// JSON. Enqueues a job for each label, then works all queues until it is told to stop. Each job
// writes to the ledger as jobs.py has it. test_beside_node.py starts it.

import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Queue, Worker } from "node-resque";

const [port, ledger, job, ...words] = process.argv.slice(2);
const [queues, labels] = words.map((word) => JSON.parse(word));
const connect = () => ({ redis: new Redis({ port: Number(port) }) });

function write(what, label) {
  const at = Number(process.hrtime.bigint()) / 1e9;
  appendFileSync(ledger, `${what} ${label} 1 ${process.pid} ${at}\n`);
}

async function perform(label, seconds) {
  write("start", label);
  await sleep(seconds * 1000);
  if (label.endsWith("!")) {
    write("left", label);
    throw new Error("as it should");
  }
  write("end", label);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

const queue = new Queue({ connection: connect() });
queue.on("error", fail);
await queue.connect();
for (const [at, label] of labels.entries()) {
  await queue.enqueue(queues[at % queues.length], job, [label, 0.01]);
}

const workers = [1, 2].map(
  (number) =>
    new Worker(
      { connection: connect(), queues, timeout: 20, name: `node:${process.pid}+${number}` },
      { [job]: { perform } },
    ),
);
for (const worker of workers) {
  worker.on("error", fail);
  await worker.connect();
  worker.start();
}
console.log("working");

process.on("SIGTERM", async () => {
  for (const worker of workers) await worker.end();
  await queue.end();
  process.exit(0);
});
