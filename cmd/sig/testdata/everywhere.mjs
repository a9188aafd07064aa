// A program in Node that listens to a stream of events, asks its sender, and tells what it
// heard: node everywhere.mjs CLIENT URL COUNT
import { pathToFileURL } from "node:url";

const [client, url, count] = process.argv.slice(2);
const { connect } = await import(pathToFileURL(client));
const c = await connect(url, { name: "node" });
const node = await c.addSender("node", { events: ["ready", "progress", "heard"], requests: { name: () => "node " + process.version } });
const events = c.events("stream", "n", { queue: Number(count) });
await c.senders(); // the listener is there when this is answered
await node.trigger("ready", null);
const heard = [];
for await (const e of events) {
  heard.push(e.data.n);
  if (heard.length % 100 === 0) await node.trigger("progress", heard.length);
  if (heard.length === Number(count)) break;
}
const answer = await c.request("stream", "double", 21);
await node.trigger("heard", { inOrder: heard.every((n, i) => n === i), count: heard.length, answer });
await c.close();
