export type CephConf = { folder: string; cluster: string; monitorPort: number; port: number };

/** Everything on loopback, without authentication between its parts, one copy of each object, in memory. */
export const cephConf = ({ folder, cluster, monitorPort, port }: CephConf): string => `
[global]
fsid = ${cluster}
mon host = [v2:127.0.0.1:${monitorPort}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
log file = ${folder}/log/$name.log
pid file = ${folder}/run/$name.pid
crash dir = ${folder}/run
ms bind msgr1 = false
ms mon client mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true

[mon]
mon data = ${folder}/mon
mon cluster log file = ${folder}/log/cluster.log
# Half a second each otherwise, and a start has a dozen of them.
paxos propose interval = 0.02
paxos min wait = 0.01
mon data avail crit = 1
mon data avail warn = 1

[osd]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class update on start = false
# A gateway that was killed is waited for this long, in seconds, whenever a bucket is made.
osd client watch timeout = 2
osd op num shards = 1
osd op num threads per shard = 2

[client.rgw]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw thread pool size = 32
rgw rados pool pg num min = 1
rgw swift account in url = true
rgw swift url = http://127.0.0.1:${port}
`;
