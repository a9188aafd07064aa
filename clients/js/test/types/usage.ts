// What users write, for the compiler to check: types.test.js compiles it. A line after
// "@ts-expect-error" is one that must not compile.
import { connect, SigError, type Client, type SigEvent } from "../../sig.js";
import { Grade, SchoolClient, SENDER, StudentNotFound, type Student } from "../../../../idl/gen/testdata/golden/school.js";
import { RangeClient } from "../../../../idl/gen/testdata/golden/sigrange.js";
import { StudentSystemClient } from "../../../../idl/gen/testdata/golden/studentsystem.js";

export async function byHand(): Promise<void> {
  const c: Client = await connect("ws://127.0.0.1:3080/sig");
  const s = await c.addListener("timer", "tic", (e: SigEvent<number>) => console.log(e.sender, e.data + 1));
  await s.remove();
  try {
    await c.request("timer", "interval", null, { timeout: 1000 });
  } catch (err) {
    if (err instanceof SigError) console.log(err.code);
  }
  // @ts-expect-error: there is no such method
  await c.subscribe("timer");
  // @ts-expect-error: a listener is a function
  await c.addListener("timer", "tic", 7);
}

export async function generated(c: Client): Promise<string> {
  const school = await SchoolClient.connect(c, { sender: SENDER });
  await school.onStudentAdded((data) => console.log(data.info.name, data.time + 1));
  try {
    const found: Student[] = await school.search("Ada", 3, Grade.good);
    const first = await school.getStudent(found[0]!.id);
    // @ts-expect-error: ids are text
    await school.getStudent(7);
    // @ts-expect-error: there is no such grade
    await school.search("Ada", 3, "excellent");
    // @ts-expect-error: a photo may be missing
    console.log(first.photo.length);
    return first.name;
  } catch (err) {
    if (err instanceof StudentNotFound) return err.id;
    throw err;
  } finally {
    await school.close();
  }
}

export const others = [RangeClient.connect, StudentSystemClient.connect];
