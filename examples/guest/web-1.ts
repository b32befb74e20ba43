/**
 * What is on the two disks of the VM `demo/web-1` on three mornings. On the 16th the shop works. On the 17th
 * somebody has edited its nginx configuration and it no longer starts. On the 18th a clean-up has deleted
 * documents and an import has cut the orders short.
 */
import { type GuestTree, GuestTreeBuilder } from "./guest-file.ts";
import { picture } from "./picture.ts";
import { accessLog, orders, products } from "./shop-data.ts";

export const DAYS = ["2026-11-16", "2026-11-17", "2026-11-18"] as const;
export type Day = (typeof DAYS)[number];

export interface DiskContents {
  readonly boot: GuestTree;
  readonly root: GuestTree;
  readonly data: GuestTree;
}

export const ROOT_UUID = "7c1e0b52-5d0f-4c3b-9a55-3f1f6a2b9d10";
export const BOOT_UUID = "2b5d4f60-8a41-4d0e-b1c7-5e0c9f7a3e21";
export const DATA_UUID = "e4a9c8d7-1f26-4b83-8d1c-90b7a2c6f532";

const ANNA = 1000;
const NGINX = 33;

export function contentsOn(day: Day): DiskContents {
  const days = DAYS.indexOf(day);
  const root = monday();
  const data = shopOnMonday();
  if (days >= 1) {
    tuesday(root);
    data.at("2026-11-17T01:30:00Z").append("/shop/orders.csv", orders("2026-11-16", 260, 130));
  }
  if (days >= 2) {
    wednesday(root);
    data.at("2026-11-18T01:12:09Z").file("/shop/orders.csv", orders("2026-11-15", 0, 3), { owner: NGINX });
    data.file("/shop/import.log", "import started\nimport: 3 rows, end of input reached early\n", { owner: NGINX });
  }
  return { boot: boot().tree, root: root.tree, data: data.tree };
}

function boot(): GuestTreeBuilder {
  return new GuestTreeBuilder()
    .at("2026-09-01T06:10:00Z")
    .directory("/")
    .directory("/grub")
    .file(
      "/grub/grub.cfg",
      `search --fs-uuid --set=root ${BOOT_UUID}\nlinux /vmlinuz root=UUID=${ROOT_UUID} ro\ninitrd /initrd.img\n`,
    )
    .file("/config-6.1.0-40-amd64", "CONFIG_EXT4_FS=y\nCONFIG_VIRTIO_BLK=y\n")
    .symlink("/vmlinuz", "vmlinuz-6.1.0-40-amd64")
    .file("/vmlinuz-6.1.0-40-amd64", Buffer.alloc(20_000, "no kernel, only its place "), { mode: 0o600 });
}

const OS_RELEASE = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`;

const FSTAB = `# <file system> <mount point> <type> <options> <dump> <pass>
UUID=${ROOT_UUID} / ext4 errors=remount-ro 0 1
UUID=${BOOT_UUID} /boot ext4 defaults 0 2
UUID=${DATA_UUID} /var/lib/shop ext4 defaults,nofail 0 2
`;

const NGINX_CONF = `user www-data;
worker_processes auto;
pid /run/nginx.pid;

events {
	worker_connections 768;
}

http {
	sendfile on;
	include /etc/nginx/mime.types;
	access_log /var/log/nginx/access.log;
	include /etc/nginx/sites-enabled/*;
}
`;

const SHOP_CONF = `upstream shop {
	server 127.0.0.1:8080;
}

server {
	listen 80;
	server_name shop.example.com;
	root /srv/www;

	location /api/ {
		proxy_pass http://shop;
		proxy_set_header Host $host;
	}
}
`;

/** One semicolon is gone and the port is wrong. */
const BROKEN_SHOP_CONF = SHOP_CONF.replace("127.0.0.1:8080;", "127.0.0.1:8081").replace("80;", "80 default_server;");

/** POSIX ACL, version 2, as the kernel hands it out: user::rw-, user:1000:r--, group::r--, mask::r--, other::---. */
const READABLE_BY_ANNA = Buffer.from(
  "02000000" + "01000600ffffffff" + "02000400e8030000" + "04000400ffffffff" + "10000400ffffffff" + "20000000ffffffff",
  "hex",
);

function monday(): GuestTreeBuilder {
  const builder = new GuestTreeBuilder().at("2026-09-01T06:10:00Z");
  for (const path of ["/", "/boot", "/etc", "/etc/nginx", "/etc/nginx/sites-available", "/etc/nginx/sites-enabled"])
    builder.directory(path);
  for (const path of ["/home", "/srv", "/srv/www", "/usr", "/usr/bin", "/usr/lib", "/var", "/var/lib", "/var/lib/shop"])
    builder.directory(path);
  builder
    .directory("/root", { mode: 0o700 })
    .directory("/tmp", { mode: 0o1777 })
    .directory("/var/log")
    .directory("/var/log/nginx", { mode: 0o750, owner: NGINX })
    .file("/usr/lib/os-release", OS_RELEASE)
    .symlink("/etc/os-release", "../usr/lib/os-release")
    .symlink("/bin", "usr/bin")
    .file("/usr/bin/shop-report", "#!/bin/sh\nexec wc -l /var/lib/shop/shop/orders.csv\n", { mode: 0o755 })
    .hardLink("/usr/bin/report", "/usr/bin/shop-report")
    .file("/etc/fstab", FSTAB)
    .file("/etc/hostname", "web-1\n")
    .file(
      "/etc/passwd",
      `root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/srv/www:/usr/sbin/nologin\nanna:x:${ANNA}:${ANNA}:Anna:/home/anna:/bin/sh\n`,
    )
    .file("/etc/nginx/nginx.conf", NGINX_CONF)
    .file("/etc/nginx/sites-available/shop.conf", SHOP_CONF)
    .symlink("/etc/nginx/sites-enabled/shop.conf", "/etc/nginx/sites-available/shop.conf")
    .file("/etc/nginx/tls.key", "not a key, only its place\n", {
      mode: 0o640,
      xattrs: { "system.posix_acl_access": READABLE_BY_ANNA },
    })
    .file("/srv/www/index.html", "<!doctype html>\n<title>Shop</title>\n<img src=logo.png alt=Logo>\n")
    .file("/srv/www/logo.png", picture(96, 64))
    .file("/var/log/nginx/access.log", accessLog("2026-11-15", 400), { mode: 0o640, owner: NGINX })
    .file("/var/log/nginx/error.log", "", { mode: 0o640, owner: NGINX });
  return annasHome(builder);
}

function annasHome(builder: GuestTreeBuilder): GuestTreeBuilder {
  const own = { owner: ANNA };
  const documents = "/home/anna/documents";
  return builder
    .at("2026-11-13T15:42:00Z")
    .directory("/home/anna", { mode: 0o750, ...own })
    .directory(documents, own)
    .directory("/home/anna/pictures", own)
    .file(`${documents}/offer-2026-11.md`, "# Offer\n\nTen thousand paper bags, printed on both sides.\n", own)
    .file(`${documents}/budget-2026.csv`, "quarter,amount\nQ1,12000\nQ2,13500\nQ3,11800\nQ4,15200\n", {
      ...own,
      xattrs: { "user.xdg.tags": Buffer.from("finance,2026") },
    })
    .file(`${documents}/größe und maße.txt`, "Höhe 30 cm, Breite 20 cm\n", own)
    .file(`${documents}/caf\udce9.txt`, "a name in ISO 8859-1, which is not valid UTF-8\n", own)
    .file(`${documents}/ledger.bin`, Buffer.from("ledger, and then nothing for a long time"), {
      ...own,
      size: 8 * 1024 * 1024,
    })
    .file("/home/anna/pictures/product.png", picture(160, 120), own)
    .symlink("/home/anna/shop", "/var/lib/shop/shop");
}

function tuesday(root: GuestTreeBuilder): void {
  root
    .at("2026-11-16T16:58:31Z")
    .file("/etc/nginx/sites-available/shop.conf", BROKEN_SHOP_CONF)
    .append(
      "/var/log/nginx/error.log",
      '2026/11/16 16:59:02 [emerg] 812#812: directive "server" is not terminated by ";" in /etc/nginx/sites-enabled/shop.conf:3\n',
    )
    .append("/var/log/nginx/access.log", accessLog("2026-11-16", 250))
    .file("/home/anna/documents/notes.md", "- the shop is down since five, ask who changed the configuration\n", {
      owner: ANNA,
    });
}

function wednesday(root: GuestTreeBuilder): void {
  root
    .at("2026-11-17T22:00:04Z")
    .remove("/home/anna/documents/offer-2026-11.md", "/home/anna/documents/budget-2026.csv")
    .file("/var/log/nginx/access.log.1", `${accessLog("2026-11-15", 400)}${accessLog("2026-11-16", 250)}`, {
      mode: 0o640,
      owner: NGINX,
    })
    .file("/var/log/nginx/access.log", accessLog("2026-11-17", 5), { mode: 0o640, owner: NGINX })
    .file("/var/log/cleanup.log", "removed 2 files older than 3 days from /home/anna/documents\n");
}

function shopOnMonday(): GuestTreeBuilder {
  return new GuestTreeBuilder()
    .at("2026-11-16T01:30:00Z")
    .directory("/")
    .directory("/shop", { owner: NGINX })
    .file("/shop/orders.csv", `id,date,product,quantity\n${orders("2026-11-15", 0, 260)}`, { owner: NGINX })
    .file("/shop/products.json", products(), { owner: NGINX })
    .directory("/shop/uploads", { owner: NGINX })
    .file("/shop/uploads/invoice-0001.txt", "Invoice 1: 40 bags\n", { owner: NGINX });
}
