// The module made of extended.lmspc on the client of clients/js, against a daemon in Go.
// Run by TestJavaScriptClient: node e2e.mjs URL, beside school.js and sig-node.js.
import assert from "node:assert/strict";
import { connect } from "./sig-node.js";
import { SchoolClient, StudentNotFound } from "./school.js";

const sig = await connect(process.argv[2], { name: "e2e" });
const school = await SchoolClient.connect(sig, { sender: "my.school" });
const alarms = [];
const heard = new Promise((resolve) => {
  school.onAlarm((data, e) => {
    alarms.push(`${e.sender}: ${data.text}`);
    if (alarms.length === 2) resolve();
  }).then(() => console.log(school.name)); // the daemon triggers for this one, then for all
});

const student = await school.getStudent("js", true);
assert.equal(student.id, "js");
assert.equal(student.active, true);
assert.equal(student.motto, 'ad "astra"\n`x`');
assert.equal(student.offset, -5);
await assert.rejects(school.getStudent("7"), /offset: -9223372036854776000 does not fit/); // nor is it rounded
await assert.rejects(school.getStudent("none"), (e) => e instanceof StudentNotFound && e.id === "none" && e.near[0] === "one");
await assert.rejects(school.getStudent("wrong"), /grade: "excellent" does not fit/);
await assert.rejects(sig.request("my.school", "search", { text: "x", limit: 2 ** 31 }), (e) =>
  e.code === "invalid" && e.data.problem === "range" && e.data.path === "limit");

await heard;
assert.deepEqual(alarms, ["my.school: for one", "my.school: for all"]);
await school.close();
await sig.close();
console.log("done");
