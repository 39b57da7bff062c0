import { expect, test } from "vitest";
import { parseIndexes } from "../../apt.ts";
import { fetching, sourceLines } from "./build.ts";
import { imageName, packages } from "./recipe.ts";

const stanza = (release: string, origin: string, component = "main", more = "") => `MetaKey: ${component}/x
Origin: ${origin}
Release: ${release}
Component: ${component}
Repo-URI: http://mirror.example/debian/
${more}Target-Of: deb
`;
const recipe = { distribution: "debian", suite: "bookworm", architecture: "amd64" };

test("units come from the host's own sources of its release, and from no others", () => {
  const indexes = parseIndexes(
    [
      stanza("bookworm", "Debian", "main", "Signed-By: /usr/share/keyrings/debian.gpg\n"),
      stanza("bookworm", "Debian", "main", "Signed-By: /usr/share/keyrings/debian.gpg\n"),
      stanza("bookworm", "Debian", "non-free"),
      stanza("bookworm-updates", "Debian"),
      stanza("bookworm-security", "Debian"),
      stanza("bookworm-backports", "Debian Backports"),
      stanza("bookworm", "A vendor"),
      stanza("trixie", "Debian"),
    ].join("\n"),
  );
  expect(sourceLines(indexes, recipe)).toEqual([
    "deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian/ bookworm main",
    "deb http://mirror.example/debian/ bookworm-updates main",
    "deb http://mirror.example/debian/ bookworm-security main",
  ]);
  expect(() => sourceLines(indexes, { ...recipe, suite: "noble" })).toThrow("apt-get update");
});

test("apt fetches for the image as it does for the host: proxies and checks are taken over, lists are not", () => {
  const dump = `APT::Architecture "amd64";
Acquire "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "en";
Acquire::IndexTargets::deb::Packages::Optional "0";
`;
  expect(fetching(dump)).toBe(
    'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Check-Valid-Until "false";\n',
  );
});

test("an image is named by its recipe: another release or architecture is another image", () => {
  const names = [recipe, { ...recipe, suite: "trixie" }, { ...recipe, architecture: "arm64" }].map(imageName);
  expect(new Set(names).size).toBe(3);
  expect(imageName({ ...recipe })).toBe(names[0]);
});

/**
 * Packages that a server of Ubuntu 24.04 has before anybody adds one (germinate seeds of ubuntu-noble: required, minimal,
 * standard, cloud-image), as far as the recipe might name them.
 */
const stock = new Set(
  `adduser apt bash bind9-host ca-certificates cron curl dbus dirmngr dosfstools e2fsprogs eject ethtool file ftp gnupg
  gzip hdparm iproute2 iptables iputils-ping iputils-tracepath isc-dhcp-client less libpam-systemd locales login logrotate
  lsb-release lshw lsof mount netbase netcat-openbsd netplan.io openssh-client openssh-server openssl passwd pciutils perl
  procps psmisc python3 rsync rsyslog screen strace sudo systemd systemd-resolved systemd-sysv tar tcpdump time tmux tzdata
  udev ufw usbutils util-linux uuid-runtime vim wget xz-utils zstd`.split(/\s+/),
);

test("a unit has nothing that a stock server of Ubuntu lacks", () => {
  expect(packages.filter((name) => !stock.has(name))).toEqual([]);
});
