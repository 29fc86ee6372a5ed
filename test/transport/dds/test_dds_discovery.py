"""What is published in a domain, as another process announces it."""

from __future__ import annotations

from dds_tools import BEST_EFFORT, IMAGE, LATCHED, STRING, peer, wait_for

from fer_ros.transport.base import Qos, TopicInfo


def test_topics_of_other_processes_come_and_go(join):
    node = join("watcher")
    node.publisher("~/latched", STRING, LATCHED)
    own = TopicInfo("/watcher/latched", STRING, 1, reliable=True, latched=True)
    assert own in node.published_topics()
    with peer(IMAGE, "best_effort"):
        theirs = TopicInfo("/out", IMAGE, 1, reliable=False, latched=False)
        wait_for(lambda: theirs in node.published_topics())
        names = [topic.name for topic in node.published_topics()]
        assert "/in" not in names, "nobody publishes what is only subscribed to"
        assert names == sorted(names)
    wait_for(lambda: node.published_topics() == (own,))


def test_one_of_many_publishers_is_enough_to_offer_less(join):
    one, other = join("one"), join("other")
    one.publisher("/mixed", STRING, Qos())
    other.publisher("/mixed", STRING, BEST_EFFORT)
    mixed = TopicInfo("/mixed", STRING, 2, reliable=False, latched=False)
    wait_for(lambda: mixed in one.published_topics())
