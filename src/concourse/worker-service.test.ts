import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WORK_DIRECTORY } from "./settings.ts";
import { forgetWorker, WORKER_ENDS, workerScript } from "./worker-service.ts";

/** The script with a work directory of the test's own, in a mount namespace of the test's own. */
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "worker-service-"));
  const script = workerScript
    .replaceAll(WORK_DIRECTORY, join(directory, "work"))
    .replaceAll(WORKER_ENDS, join(directory, "ends"))
    .replace(/^ {2}sleep .*$/m, '  echo "pause $pause"');
  writeFileSync(join(directory, "script"), script);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const inNamespace = (lines: string): string =>
  execFileSync("unshare", ["--mount", "sh", "-euc", lines], { cwd: directory, encoding: "utf8" });

const end = (result: string): void =>
  void spawnSync("sh", ["script", "after"], { cwd: directory, env: { ...process.env, SERVICE_RESULT: result } });

const before = (): string => execFileSync("sh", ["script", "before"], { cwd: directory, encoding: "utf8" });

test("what a worker has left mounted is taken away, and nothing else", () => {
  const left = inNamespace(`
    mkdir -p work/volumes/live/a\\ b/volume work/overlays/c work/other
    for path in work work/other work/volumes/live/a\\ b/volume work/overlays/c; do mount -t tmpfs tmpfs "$path" 2>/dev/null ||
      { mkdir -p "$path"; mount -t tmpfs tmpfs "$path"; }; done
    mount -t tmpfs tmpfs work/volumes/live/a\\ b/volume
    sh script before >&2
    cut -d' ' -f5 /proc/self/mountinfo | grep "^$PWD"`);
  expect(left.trim().split("\n")).toEqual([join(directory, "work"), join(directory, "work/other")]);
});

describe("a worker that keeps ending", () => {
  test("is started again later and later, up to a minute", () => {
    const pauses = Array.from({ length: 10 }, () => {
      end("exit-code");
      return before().trim();
    });
    expect(pauses).toEqual([0, 0, 0, 4, 8, 16, 32, 60, 60, 60].map((seconds) => `pause ${seconds}`));
  });

  test("and is forgiven what lies ten minutes back", () => {
    const now = Math.floor(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]));
    writeFileSync(join(directory, "ends"), `${now - 700}\n${now - 650}\n${now - 601}\n${now - 10}\n`);
    expect(before()).toBe("pause 0\n");
  });

  test("and all of it once it ends because it was asked to, as it is after a change", () => {
    for (const _ of Array.from({ length: 6 })) end("exit-code");
    expect(before()).toBe("pause 16\n");
    end("success");
    expect(before()).toBe("pause 0\n");
  });
});

test("the parameter is hidden exactly where metacopy=on is refused", () => {
  // The double of mount refuses what the real one in a container of a current kernel does; both stand before the work directory.
  const run = (refused: string): string =>
    inNamespace(`
      mkdir -p work bin
      rm -f calls
      cat >bin/mount <<'END'
#!/bin/sh
echo "mount $*" >>calls
case "$*" in *${refused}*) exit 1 ;; esac
END
      chmod +x bin/mount
      PATH="$PWD/bin:$PATH" sh script run /bin/true >&2
      grep -c 'tmpfs /sys/module/overlay/parameters' calls || true`).trim();
  expect([run("metacopy=on"), run("nothing"), run("lowerdir")]).toEqual(["1", "0", "0"]);
});

describe("a stop", () => {
  /** What it has waited, in tries of a fifth of a second. */
  const stop = (prepare: string, pid = "7"): number => {
    const script = readFileSync(join(directory, "script"), "utf8")
      .replace("/run/systemd/units/invocation:concourse-worker.service", join(directory, "began"))
      .replace("sleep 0.2", "echo waited");
    writeFileSync(join(directory, "script"), script);
    const lines = `
      mkdir -p work/volumes/init work/volumes/live
      touch -d "1 hour ago" work/volumes/live began
      ${prepare}
      sh script stop ${pid}`;
    const said = execFileSync("sh", ["-euc", lines], { cwd: directory, encoding: "utf8" });
    return said.split("\n").filter((line) => line === "waited").length;
  };

  test("waits for a volume that is being created, but not for ever", () => {
    expect(stop("mkdir work/volumes/init/new")).toBe(100);
  });

  test("and for the web to ask for the last one", () => {
    expect(stop('touch -d "now + 1 hour" work/volumes/live')).toBe(100);
  });

  test.each([
    ["nothing is being created", "true", "7"],
    ["an earlier process left one", 'mkdir work/volumes/init/old; touch -d "2 hours ago" work/volumes/init/old', "7"],
    ["the process has ended by itself", "mkdir work/volumes/init/new", ""],
    ["there is no work directory yet", "rm -r work", "7"],
  ])("at once where %s", (_what, prepare, pid) => {
    expect(stop(prepare, pid)).toBe(0);
  });
});

test("a machine that was another unit's is rid of its worker: builds, shims, mounts, and what lay in the work directory", async () => {
  const shim = spawn("sh", [
    "-c",
    "sleep 1000 & wait",
    "containerd-shim-runc-v2",
    "-namespace",
    "concourse",
    "-id",
    "x",
  ]);
  const other = spawn("sh", ["-c", "sleep 1000 & wait", "containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "x"]);
  try {
    await Promise.all([once(shim, "spawn"), once(other, "spawn")]);
    writeFileSync(join(directory, "forget"), forgetWorker);
    // No systemd behind it: nothing of the host's is stopped, and the directory is emptied before it returns.
    const left = inNamespace(`
      mount -t tmpfs tmpfs /run
      mkdir -p work/volumes/live/a/volume work/containerd
      mount -t tmpfs tmpfs work/volumes/live/a/volume
      sh forget "$PWD/work" >&2
      ls -A work
      grep "$PWD/work" /proc/self/mountinfo || true`);
    expect(left).toBe("");
    if (shim.exitCode === null && shim.signalCode === null) await once(shim, "exit");
    expect(other.exitCode ?? other.signalCode).toBeNull();
  } finally {
    // Each with its own child.
    spawnSync("pkill", ["-KILL", "-P", `${shim.pid},${other.pid}`]);
    for (const process of [shim, other]) process.kill("SIGKILL");
  }
});

test("and a new machine is left as it is", () => {
  execFileSync("sh", ["-c", forgetWorker, "sh", join(directory, "none")]);
  expect(readdirSync(directory)).toEqual(["script"]);
});
