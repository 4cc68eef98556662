-- SPDX-License-Identifier: MIT
--
-- The database, and the two accounts that dockgate's queue and readers need. As an administrator:
--
--	sed 's/CHANGE-ME-RUN/.../; s/CHANGE-ME-READ/.../' grants.sql | mariadb
--
-- Passwords given on a command line are seen by others: sed reads its script from a file (-f), too.
-- For a queue on another machine than the database, say its address instead of localhost, and
-- let the server demand TLS of it: ALTER USER ... REQUIRE SSL.

CREATE DATABASE IF NOT EXISTS dockgate CHARACTER SET utf8mb4;

-- The queue. It makes its tables and views by itself and changes them when a newer version
-- needs it; nothing outside its own database, nothing of the server.
CREATE USER IF NOT EXISTS 'dockgate'@'localhost' IDENTIFIED BY 'CHANGE-ME-RUN';
GRANT SELECT, INSERT, UPDATE, DELETE ON dockgate.* TO 'dockgate'@'localhost';
GRANT CREATE, ALTER, INDEX, REFERENCES, CREATE VIEW ON dockgate.* TO 'dockgate'@'localhost';

-- Once the queue has run, it does without the second line until a newer version comes:
--	REVOKE CREATE, ALTER, INDEX, REFERENCES, CREATE VIEW ON dockgate.* FROM 'dockgate'@'localhost';

-- Whoever read the original's tables reads the views INSTANCE and RESULT, and nothing else. They
-- show whole ids, and an id is what entitles to a result. The views must be there: run these
-- three lines after the queue's first start.
--	CREATE USER IF NOT EXISTS 'dockgate_reader'@'localhost' IDENTIFIED BY 'CHANGE-ME-READ';
--	GRANT SELECT ON dockgate.INSTANCE TO 'dockgate_reader'@'localhost';
--	GRANT SELECT ON dockgate.RESULT TO 'dockgate_reader'@'localhost';
