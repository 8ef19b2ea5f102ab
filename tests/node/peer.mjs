// A program of node-resque's: node peer.mjs SOCKET ACTION ARGUMENTS, the last as a JSON list.
// Prints what came of it as JSON. tests/test_node.py starts it.

import { Redis } from "ioredis";
import { Queue, Scheduler, Worker } from "node-resque";

const [socket, action, words] = process.argv.slice(2);
const redis = new Redis({ path: socket });
const connection = { redis };

const queue = new Queue({ connection });
queue.on("error", fail);
await queue.connect();

const actions = {
  // Any method of node's queue.
  call: (method, ...args) => queue[method](...args),

  // Retry every failure; answers how many.
  retry: async () => {
    const failures = await queue.failed(0, -1);
    for (const failure of failures) await queue.retryAndRemoveFailed(failure);
    return failures.length;
  },

  // Work a queue until one job has ended; answers the arguments it was called with.
  work: async (name, job) => {
    let given;
    const perform = async (...args) => {
      given = args;
    };
    const worker = new Worker({ connection, queues: [name], timeout: 20 }, { [job]: { perform } });
    worker.on("error", fail);
    await worker.connect();
    await new Promise((resolve, reject) => {
      worker.on("success", resolve);
      worker.on("failure", (_queue, _job, error) => reject(error));
      worker.start();
    });
    await worker.end();
    return given;
  },

  // Promote until one delayed job has been moved; answers its item.
  promote: async () => {
    const scheduler = new Scheduler({ connection, timeout: 20 });
    scheduler.on("error", fail);
    await scheduler.connect();
    const item = await new Promise((resolve) => {
      scheduler.on("transferredJob", (_due, job) => resolve(job));
      scheduler.start();
    });
    await scheduler.end();
    return item;
  },
};

function fail(error) {
  console.error(error);
  process.exit(1);
}

const answer = await actions[action](...JSON.parse(words));
await queue.end();
redis.disconnect();
console.log(JSON.stringify(answer ?? null));
