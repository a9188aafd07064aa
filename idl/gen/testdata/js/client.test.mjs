// Tests of the JavaScript that is made of extended.lmspc, against a daemon that is a
// function. Run by TestJavaScript, beside school.js.
import assert from "node:assert/strict";
import test from "node:test";
import { Closed, Grade, SchoolClient, SENDER, StudentNotFound } from "./school.js";

const student = {
  id: "7", name: "Zoë", age: 18, grade: "fair", photo: "AP8=", friends: null, motto: "m",
  weight: 1.5, active: true, offset: -5, big: 5,
};

// A daemon that answers with what answer returns, and a client of it. All payloads go
// through JSON, as over a socket.
async function connect(answer = () => null, options = {}) {
  const json = (v) => (v === undefined ? null : JSON.parse(JSON.stringify(v)));
  const sig = {
    senders: new Map(),
    listeners: [],
    requests: [],
    async addSender(name, declaration) {
      this.senders.set(name, declaration);
      return { remove: () => this.senders.delete(name) };
    },
    async addListener(sender, event, fn) {
      const l = { sender, event, fn };
      this.listeners.push(l);
      return { remove: () => this.listeners.splice(this.listeners.indexOf(l), 1) };
    },
    async request(sender, method, params, options) {
      this.requests.push({ sender, method, params: json(params), options });
      return json(await answer(method, json(params)["#params"]));
    },
    trigger(sender, event, data) {
      for (const l of [...this.listeners]) {
        if ((l.sender === null || l.sender === sender) && l.event === event) l.fn({ sender, event, data: json(data) });
      }
    },
  };
  return { sig, client: await SchoolClient.connect(sig, options) };
}

function failure(code, message, data) {
  return Object.assign(new Error(message), { code, data });
}

test("a call says who calls, and reads the result", async () => {
  const { sig, client } = await connect(() => student);
  const got = await client.getStudent("7", true);
  assert.deepEqual(sig.requests, [{
    sender: SENDER, method: "get_student", options: { timeout: 5000 },
    params: { "#meta": { from: client.name }, "#params": { id: "7", deep: true } },
  }]);
  assert.match(client.name, /^org\.example\.school\.app\.[a-z2-7]{13}$/);
  assert.ok(sig.senders.has(client.name));
  assert.deepEqual(got, { ...student, photo: new Uint8Array([0, 255]), friends: [] });
  await client.close();
  assert.equal(sig.senders.size, 0);
});

test("what is left out has its default, or is not there", async () => {
  const { sig, client } = await connect((method, params) => {
    if (method === "search") return [{ id: "1", name: "", friends: [], tutor: null, marks: [[1, 2], []] }];
    return null;
  });
  const [got] = await client.search("x", undefined, Grade.poor);
  assert.deepEqual(sig.requests[0].params["#params"], { text: "x", order: "poor" });
  assert.deepEqual(sig.requests[0].options, { timeout: 90000 });
  assert.deepEqual(got, {
    id: "1", name: "", age: 18, grade: "fair", friends: [], marks: [[1, 2], []],
    motto: 'ad "astra"\n`x`', weight: 15, active: true,
  });
  assert.equal(await client.callClose(), undefined);
});

test("another sender's name", async () => {
  const { sig, client } = await connect(() => null, { sender: "my.school" });
  await client.callClose();
  assert.equal(sig.requests[0].sender, "my.school");
  assert.match(client.name, /^my\.school\.app\./);
});

test("values out of range are not sent", async () => {
  const { sig, client } = await connect();
  for (const [call, kind, want] of [
    [() => client.getStudent(7), TypeError, /^id: 7 does not fit; expected string$/],
    [() => client.getStudent(), TypeError, /^id: undefined does not fit; expected string$/],
    [() => client.getStudent("\ud800"), RangeError, /^id: .* expected well-formed text$/],
    [() => client.getStudent("7", 1), TypeError, /^deep: 1 does not fit; expected boolean$/],
    [() => client.search("x", 2147483648), RangeError, /^limit: 2147483648 does not fit; expected int32, -2147483648 to 2147483647$/],
    [() => client.search("x", 1.5), TypeError, /^limit: 1.5 does not fit; expected int32$/],
    [() => client.search("x", NaN), TypeError, /^limit: null does not fit; expected int32$/],
    [() => client.search("x", 1, "excellent"), RangeError, /^order: "excellent" does not fit; expected one of good, fair, poor$/],
  ]) {
    await assert.rejects(call, (e) => e instanceof kind && want.test(e.message) || assert.fail(`${e.name}: ${e.message}`));
  }
  assert.equal(sig.requests.length, 0);
});

test("results out of range are refused", async () => {
  for (const [change, want] of [
    [{ age: 256 }, /result of get_student\.age: 256 does not fit; expected uint8, 0 to 255/],
    [{ big: 2 ** 53 }, /\.big: 9007199254740992 does not fit; expected uint64, 0 to 9007199254740991/],
    [{ grade: "excellent" }, /\.grade: .*expected one of/],
    [{ photo: "?" }, /\.photo: .*base64/],
    [{ friends: [{ ...student, age: -1 }] }, /\.friends\[0\]\.age: -1/],
    [{ weight: 1e39 }, /\.weight: .*float/],
    [{ id: undefined }, /\.id: undefined does not fit; expected string/],
  ]) {
    const { client } = await connect(() => ({ ...student, ...change }));
    await assert.rejects(client.getStudent("7"), want);
  }
});

test("exceptions arrive as themselves", async () => {
  let error = failure("StudentNotFound", "nobody has 8", { id: "8", near: ["7"] });
  const { client } = await connect(() => { throw error; });
  await assert.rejects(client.getStudent("8"), (e) => {
    assert.ok(e instanceof StudentNotFound);
    assert.deepEqual([e.message, e.id, e.near, e.code, e.name], ["nobody has 8", "8", ["7"], "StudentNotFound", "StudentNotFound"]);
    assert.equal(e.cause, error);
    return true;
  });
  error = failure("Closed", "sorry");
  await assert.rejects(client.callClose(), (e) => e instanceof Closed && e.message === "sorry");
  error = failure("StudentNotFound", "of another version", { other: 1 });
  await assert.rejects(client.callClose(), (e) => e instanceof StudentNotFound && e.message === "of another version");
  for (error of [failure("timeout", "no answer"), failure("constructor", "x"), new Error("plain"), null]) {
    await assert.rejects(client.callClose(), (e) => e === error);
  }
});

test("events, for all and for one", async () => {
  const bad = [];
  const { sig, client } = await connect(() => null, { onBadEvent: (error) => bad.push(error.message) });
  const counts = [], alarms = [];
  const sub = await client.onCount((data, e) => counts.push([data.students, e.sender]));
  await client.onAlarm((data, e) => alarms.push(`${e.sender}: ${data.text}`));
  sig.trigger(SENDER, "count", { students: 7 });
  sig.trigger("another", "count", { students: 8 });
  sig.trigger(SENDER, "count", { students: -1 });
  sig.trigger("another", "#alarm", { text: "fire" });
  assert.deepEqual(counts, [[7, SENDER]]);
  assert.deepEqual(alarms, ["another: fire"]);
  assert.deepEqual(bad, ["count.students: -1 does not fit; expected uint32, 0 to 4294967295"]);

  const own = sig.senders.get(client.name).requests;
  assert.equal(own.count({ students: 9 }), null);
  own["#alarm"]({ text: "psst" });
  assert.deepEqual(counts.at(-1), [9, SENDER]);
  assert.equal(alarms.at(-1), `${SENDER}: psst`);

  await sub.remove();
  own.count({ students: 10 });
  sig.trigger(SENDER, "count", { students: 10 });
  assert.equal(counts.length, 2);
});
