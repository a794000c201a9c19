// Prints what the detector finds: detections and instances of one picture, put together by stamp.
//
//   ros2 run detections_printer detections_printer --ros-args -r __ns:=/robot1

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>

#include "described.hpp"
#include "rclcpp/rclcpp.hpp"

using sensor_msgs::msg::Image;
using vision_msgs::msg::Detection2DArray;

class DetectionsPrinter : public rclcpp::Node
{
public:
  DetectionsPrinter()
  : Node("detections_printer")
  {
    // Reliable and ten deep, as the detector publishes them.
    detections_ = create_subscription<Detection2DArray>(
      "detector/detections", 10, [this](Detection2DArray::ConstSharedPtr message) {
        waiting_[nanoseconds(message->header.stamp)].first = message;
        print_complete(nanoseconds(message->header.stamp));
      });
    instances_ = create_subscription<Image>(
      "detector/instances", 10, [this](Image::ConstSharedPtr message) {
        waiting_[nanoseconds(message->header.stamp)].second = message;
        print_complete(nanoseconds(message->header.stamp));
      });
  }

private:
  static std::int64_t nanoseconds(const builtin_interfaces::msg::Time & stamp)
  {
    return rclcpp::Time(stamp).nanoseconds();
  }

  // Both topics carry the stamp of their picture, exactly; message_filters' TimeSynchronizer does
  // the same for more topics.
  void print_complete(std::int64_t stamp)
  {
    const auto & [detections, instances] = waiting_[stamp];
    if (detections && instances) {
      std::fputs(described(*detections, *instances).c_str(), stdout);
      std::fflush(stdout);
      waiting_.erase(stamp);
    } else if (waiting_.size() > 10) {
      waiting_.erase(waiting_.begin());  // the oldest: its other half was lost
    }
  }

  std::map<std::int64_t, std::pair<Detection2DArray::ConstSharedPtr, Image::ConstSharedPtr>>
  waiting_;
  rclcpp::Subscription<Detection2DArray>::SharedPtr detections_;
  rclcpp::Subscription<Image>::SharedPtr instances_;
};

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  rclcpp::spin(std::make_shared<DetectionsPrinter>());
  rclcpp::shutdown();
  return 0;
}
