import assert from "node:assert/strict";
import { test } from "node:test";
import { PATH, PathWatch, type PathAction } from "../src/path";

/** Steps a watch on its own clock and keeps the actions with their times. */
class Line {
  readonly watch = new PathWatch();
  readonly actions: [number, PathAction][] = [];
  now = 0;
  received = 0;

  run(ms: number, { flowing = false, down = false, busy = false } = {}): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += PATH.intervalMs;
      if (flowing) this.received += 5;
      const action = this.watch.step({ now: this.now, received: this.received, down, busy });
      if (action) this.actions.push([this.now, action]);
    }
  }
}

test("a flowing path asks for nothing", () => {
  const line = new Line();
  line.run(60_000, { flowing: true });
  assert.deepEqual(line.actions, []);
});

test("a path on which nothing ever came is not called lost", () => {
  const line = new Line();
  line.run(20_000);
  assert.deepEqual(line.actions, []);
});

test("a stall of 1.5 s restarts the path, and packets end the loss", () => {
  const line = new Line();
  line.run(5000, { flowing: true });
  line.run(1500);
  line.run(1000, { flowing: true });
  assert.deepEqual(line.actions, [
    [6500, "restart"],
    [7000, "recovered"],
  ]);
});

test("when the browser says so the path is lost at once, even if packets were just counted", () => {
  const line = new Line();
  line.run(1000, { flowing: true });
  line.run(500, { flowing: true, down: true });
  assert.deepEqual(line.actions, [[1500, "restart"]]);
});

test("when a restart doesn't help the call is joined anew, and after a minute given up", () => {
  const line = new Line();
  line.run(1000, { flowing: true });
  line.run(500, { down: true });
  line.run(60_000);
  assert.deepEqual(line.actions.slice(0, 5), [
    [1500, "restart"],
    [2500, "rejoin"],
    [7500, "rejoin"],
    [12_500, "rejoin"],
    [17_500, "rejoin"],
  ]);
  assert.deepEqual(line.actions.at(-1), [61_500, "give-up"]);
});

test("no new try begins while one is under way, and it has its time after it", () => {
  const line = new Line();
  line.run(1000, { flowing: true });
  line.run(500, { down: true });
  line.run(20_000, { busy: true });
  assert.deepEqual(line.actions, [[1500, "restart"]]);
  line.run(1000);
  assert.deepEqual(line.actions, [[1500, "restart"], [22_500, "rejoin"]]);
});

test("while the path is lost, news of the network make the next try due", () => {
  const line = new Line();
  line.run(1000, { flowing: true });
  line.run(2000, { down: true });
  line.watch.declareLost(line.now);
  line.run(500, { down: true });
  assert.deepEqual(line.actions, [[1500, "restart"], [2500, "rejoin"], [3500, "rejoin"]]);
});

test("a page that slept doesn't take its own sleep for a stall", () => {
  const line = new Line();
  line.run(1000, { flowing: true });
  line.now += 30_000;
  line.run(500);
  assert.deepEqual(line.actions, []);
});

test("each loss begins with a restart again", () => {
  const line = new Line();
  for (let i = 0; i < 2; i++) {
    line.run(2000, { flowing: true });
    line.run(5000);
  }
  assert.deepEqual(
    line.actions.map(([, action]) => action),
    ["restart", "rejoin", "recovered", "restart", "rejoin"],
  );
});

test("what arrived before a loss that was declared doesn't end it", () => {
  const line = new Line();
  line.run(5000, { flowing: true });
  line.received += 5;
  line.watch.declareLost(line.now);
  line.run(500);
  line.run(500, { flowing: true });
  assert.deepEqual(line.actions, [
    [5500, "restart"],
    [6000, "recovered"],
  ]);
});

test("without a peer connection worth restarting the call is joined anew at once", () => {
  const line = new Line();
  line.run(1000, { flowing: true });
  line.run(500, { down: true });
  line.watch.needNewPeer(line.now);
  line.run(500, { down: true });
  line.watch.needNewPeer(line.now);
  line.run(5500, { down: true });
  assert.deepEqual(line.actions.map(([, action]) => action), ["restart", "rejoin", "rejoin", "rejoin"]);
});

test("a new peer connection counts from nought and may take its time", () => {
  const line = new Line();
  line.run(5000, { flowing: true });
  line.watch.declareLost(line.now);
  line.watch.reset();
  line.received = 0;
  line.run(500);
  line.run(500, { flowing: true });
  assert.deepEqual(line.actions, [
    [5500, "restart"],
    [6000, "recovered"],
  ]);
});
