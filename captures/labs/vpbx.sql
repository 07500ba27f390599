-- The database of the tenant of vpbx.toml, as mariadb-dump --skip-extended-insert writes it.
-- sorm-mediator vpbx import captures/labs/vpbx.sql --tenant demo -o lab.toml

CREATE TABLE `dial_numbers` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `number` varchar(32) NOT NULL,
  `comment` text DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `dial_numbers` VALUES (1,'+7(495)2216005','Moscow');
INSERT INTO `dial_numbers` VALUES (2,'+7(812)3334455','Saint Petersburg');

INSERT INTO `sip_trunks` (`id`, `name`, `enabled`, `dial_number_id`, `host`, `secret`, `extension`) VALUES
  (1,'sip74952216005','yes',1,'sip.newoperator.ru','sdfsddf^$#$','74952216005'),
  (2,'sip78123334455','yes',2,'sip.second.ru','','78123334455');

INSERT INTO `directions` (`id`, `direction`, `pattern`, `substruct4other`, `sip_trunk_id`, `dial_number_id`) VALUES
  (1,'spb',NULL,NULL,2,1),
  (2,'regional',NULL,NULL,1,1),
  (3,'international',NULL,NULL,1,1),
  (4,'emergency',NULL,NULL,1,1),
  (5,'other','_082XXXXX',3,2,1),
  (6,'spb',NULL,NULL,2,2);

INSERT INTO `users` (`id`, `number`, `name`, `dial_number_id`) VALUES (1,'101','Ivanov',1),(2,'102','Petrova',2);
INSERT INTO `incoming_routes` (`dial_number_id`, `kind`, `target`) VALUES (1,'user','101'),(2,'user','102');
INSERT INTO `options` (`language`, `record_enabled`) VALUES ('ru',0);
