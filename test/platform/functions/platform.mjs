// Stands for the platform in a test that kills it: starts one function and says its pid.
import { Instance } from "#platform/serving/instance.ts";

const [, , ...args] = process.argv;
const service = {
  kind: "Service",
  namespace: "n",
  name: "f",
  generation: 1,
  function: "f",
  env: {},
  containerConcurrency: 0,
  timeoutMs: 1000,
};
const instance = await Instance.start({ service, args, env: {}, log: () => {} });
await instance.ready(null);
console.log(JSON.stringify({ pid: instance.pid, port: instance.port }));
setInterval(() => {}, 1000);
