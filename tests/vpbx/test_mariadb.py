"""A dump that MariaDB itself makes of a tenant's database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sorm_mediator.vpbx.importing import imported
from sorm_mediator.vpbx.readers import read_dump

DATABASE = """
CREATE DATABASE demo CHARACTER SET utf8mb4; USE demo;
CREATE TABLE dial_numbers (id INT AUTO_INCREMENT PRIMARY KEY, number VARCHAR(32) NOT NULL, Comment TEXT);
CREATE TABLE sip_trunks (id INT PRIMARY KEY, name VARCHAR(64), enabled ENUM('yes','no') DEFAULT 'yes',
  dial_number_id INT, dial_rg_prefix VARCHAR(8) DEFAULT '8', dial_mn_prefix VARCHAR(8) DEFAULT '810',
  dial_em_prefix VARCHAR(8) DEFAULT '0', dialplan_rg_substruct INT DEFAULT 1,
  secret VARCHAR(64), calllimit INT DEFAULT 1000,
  extension VARCHAR(32), UNIQUE KEY by_name (name), KEY by_number (dial_number_id));
CREATE TABLE directions (id INT PRIMARY KEY, direction ENUM('regional','spb','international','emergency','other'),
  pattern VARCHAR(64), substruct4other INT, sip_trunk_id INT, dial_number_id INT, priority INT DEFAULT 1,
  CONSTRAINT to_trunk FOREIGN KEY (sip_trunk_id) REFERENCES sip_trunks (id));
CREATE TABLE users (id INT PRIMARY KEY, number VARCHAR(16), login VARCHAR(32), password VARBINARY(32),
  dial_number_id INT,  disa_enabled TINYINT(1) DEFAULT 0);
CREATE TABLE ast_cdr_adaptive (calldate DATETIME, clid VARCHAR(80), src VARCHAR(80), picture BLOB);
CREATE TABLE options (id INT PRIMARY KEY, language CHAR(2), record_enabled TINYINT(1));
INSERT INTO dial_numbers VALUES (1, '+7(495)2216005', 'Наш; московский ''номер''\\n-- вторая строка');
INSERT INTO sip_trunks (id, name, dial_number_id, secret, extension)
  VALUES (1, 'sip74952216005', 1, 'sdfsddf^$#$', '74952216005');
INSERT INTO directions VALUES (1, 'regional', NULL, NULL, 1, 1, 1), (2, 'other', '_082XXXXX', 3, 1, 1, 1);
INSERT INTO users VALUES (1, '101', 'ivan', X'00FF27', 1, 1), (2, '102', NULL, NULL, NULL, 0);
INSERT INTO ast_cdr_adaptive VALUES ('2026-01-02 03:04:05', '"A" <101>', '101', X'DEADBEEF27');
INSERT INTO options VALUES (1, 'en', 1);
CREATE TRIGGER copied AFTER INSERT ON users FOR EACH ROW INSERT INTO options VALUES (2, 'x', 0);
"""
TOOLS = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump", "mariadb-admin")


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt install mariadb-server")
    return found


@pytest.fixture(scope="module")
def dump_with() -> Iterator[Callable[..., bytes]]:
    """Dumps the tenant's database with these options, from a server of our own on a socket."""
    commands = {name: tool(name) for name in TOOLS}
    with tempfile.TemporaryDirectory(prefix="vpbx-") as name:
        folder = Path(name)
        at = ["--no-defaults", f"--socket={folder}/s"]
        made = [f"--datadir={folder}/data", "--auth-root-authentication-method=normal", "--skip-test-db"]
        user = []
        if os.geteuid() == 0:  # the server does not run as root
            user = ["--user=mysql"]
            shutil.chown(folder, "mysql", "mysql")
        done = subprocess.run(
            [commands["mariadb-install-db"], "--no-defaults", *made, *user],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"mariadb-install-db does not work here: {done.stderr[-200:]}")
        server = subprocess.Popen(
            [
                commands["mariadbd"],
                *at,
                f"--datadir={folder}/data",
                f"--pid-file={folder}/pid",
                "--skip-networking",
                *user,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ready = subprocess.run(
                [commands["mariadb-admin"], *at, "--user=root", "--wait=30", "ping"],
                capture_output=True,
                check=False,
            )
            if ready.returncode:
                pytest.skip("mariadbd does not start here")
            client = [commands["mariadb"], *at, "--user=root", "--default-character-set=utf8mb4"]
            subprocess.run(client, input=DATABASE, text=True, check=True)

            def dump(*options: str) -> bytes:
                made = [commands["mariadb-dump"], *at, "--user=root", *options, "demo"]
                return subprocess.run(made, capture_output=True, check=True).stdout

            yield dump
        finally:
            server.terminate()
            server.wait(30)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--complete-insert", "--skip-extended-insert"),
        ("--hex-blob", "--routines", "--databases"),
        ("--compact",),
    ],
)
def test_a_dump_of_mariadb(options: tuple[str, ...], dump_with: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "demo.sql"
    path.write_bytes(dump_with(*options))

    found = imported(read_dump(path), path.name)

    tenant = found.tenant
    assert tenant.dial_numbers[0].comment == "Наш; московский 'номер'\n-- вторая строка"
    (trunk,) = tenant.sip_trunks
    assert (trunk.enabled, trunk.dialplan_rg_substruct, trunk.secret.get_secret_value()) == (
        True,
        1,
        "sdfsddf^$#$",
    )
    assert [(one.direction, one.pattern, one.substruct4other) for one in tenant.directions] == [
        ("regional", "", 0),
        ("other", "_082XXXXX", 3),
    ]
    assert [(one.number, one.dial_number_id, one.disa_enabled) for one in tenant.users] == [
        ("101", 1, True),
        ("102", None, False),
    ]
    assert (tenant.options.language, tenant.options.record_enabled) == ("en", True)
    assert found.rows["ast_cdr_adaptive"] == 1
