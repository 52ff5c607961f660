"""A peer that says it has a file and gives other bytes: it beats and tells its list as a node does, with the cluster's key, and serves what it likes."""
import hashlib
import threading

from support.cluster import wait_for
from support.holder import Holder
from support.inside import Inside


class LyingPeer(Holder):
    """Listed with `name` as a file of these `true` bytes; gives `false` ones with the right ETag to everybody."""

    def __init__(self, cluster, peer, name, true, false):
        super().__init__(false, etag=hashlib.sha256(true).hexdigest())
        self.cluster, self.id = cluster, f"{peer}.00000000000000ee"
        self.inside = Inside(cluster, sender=f"node:{self.id}")
        self.file = {"name": name, "size": len(true), "mtime": 1, "sha256": self.etag}
        text = "\0".join([name, str(len(true)), "1", self.etag]).encode()
        self.digest = hashlib.sha256(text).hexdigest()[:32]
        self.member = {"id": self.id, "name": peer, "url": self.url, "zone": "", "weight": 1, "stores": False, "files": 0, "bytes": 0, "capacity_bytes": 0,
                       "free_bytes": 0, "ring": 0, "load": 0, "quarantined": 0, "machine": "", "volume": "",
                       "share": {"digest": self.digest, "files": 1, "obtain_port": 0}}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)
        self.thread.start()
        wait_for(self.tell, 10, "the liar's list is taken")

    def beat(self):
        while not self.ending.wait(0.4):
            for name in self.cluster.names("coordinator"):
                try:
                    self.inside.post(name, "/heartbeat", self.member, epoch=0)
                except OSError:
                    pass

    def tell(self):
        delta = {"base": "", "digest": self.digest, "add": [self.file], "remove": []}
        return any(self.inside.post(name, "/files", delta, epoch=0).status_code == 200 for name in self.cluster.names("coordinator"))

    def stop(self):
        self.ending.set()
        self.thread.join()
        super().stop()
